/* The thread state of CPython 3.13; ../tstate.h says what each function is for.
 *
 * These belong to the thread, not to a stack, and so are left alone: delete_later (dead containers
 * that wait until a stack has room to free them; any stack will do), datastack_cached_chunk (an
 * empty chunk, gh-142183; 3.13.0 has none yet), critical_section (in use on free-threaded builds
 * only), previous_executor (NULL whenever the JIT has called a C function), the running event loop
 * of asyncio, and what is set for a thread as a whole: hooks of coroutines, trace functions, and
 * eval_breaker. */
#include <internal/pycore_ceval.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>

/* The order matters: each of these uses those above it. */
#include "datastack.h"
#define FRAME_FUNCTION f_funcobj
#define FRAME_CODE f_executable
#define FRAME_INSTRUCTION instr_ptr
#define STACK_FLOORS "floors_by_handlers.h"
#include "frame_objects.h"
#include "frames.h"
#include "lines.h"
#define ENTRY_FRAME_OWNER FRAME_OWNED_BY_CSTACK
#include "entries.h"
#include "gil.h"
#include "matches.h"
#include "matches_frames.h"
#include "matches_table.h"

typedef struct tstate_slice {
    _PyInterpreterFrame *frame;     /* while suspended: the innermost */
    _PyInterpreterFrame *entries;   /* while suspended: those taken out of the chain of frames */
    datastack data;
    _PyErr_StackItem *exc_info;
    PyObject *context;
    int py_recursion_remaining;
    int py_recursion_limit;
    int c_recursion_remaining;
    int recursion_headroom;
    int tracing;                    /* while it runs: the part of it that was inherited */
    int what_event;
    uintptr_t instrumentation;      /* its version when the stack was left */
    _PyErr_StackItem exc_state;     /* the bottom of exc_info's chain */
} tstate_slice;

#define VERSION_DEBUG_OFFSETS(X) \
    DEBUG_OFFSETS_SINCE_312(X) \
    FIELD(X, "thread_state", PyThreadState, current_frame) \
    FIELD(X, "frame", _PyInterpreterFrame, stacktop)

#include "instrument.h"
#include "monitoring.h"
#include "opcode_trace.h"

static inline int
tstate_matches_interpreter(void)
{
    return matches_table()
        && gil_find()
        && matches_running(tstate_get());
}

static inline void
tstate_begin(tstate_slice *slice, PyThreadState *ts)
{
    ts->current_frame = NULL;
    datastack_begin(&slice->data, ts);
    slice->exc_state.exc_value = NULL;
    slice->exc_state.previous_item = NULL;
    ts->exc_info = &slice->exc_state;
    ts->context = slice->context;
    ts->context_ver++;
    slice->context = NULL;
    ts->recursion_headroom = 0;
    slice->tracing = ts->tracing;   /* inherited; it ends when this stack is first left */
    ts->what_event = -1;            /* none: a new stack is in no trace event */
}

static inline void
tstate_save(tstate_slice *slice, PyThreadState *ts)
{
    slice->instrumentation = tstate_instrumentation(ts);
    if (__builtin_expect(slice->tracing != 0, 0)) {
        /* Not less than 0: sys.call_tracing makes ts->tracing 0 for a while. */
        ts->tracing = Py_MAX(ts->tracing - slice->tracing, 0);
        slice->instrumentation = NEVER_INSTRUMENTED;    /* tracing was muted until now */
    }
    slice->frame = ts->current_frame;
    slice->entries = entries_hide(&slice->frame, NULL);
    ts->current_frame = NULL;
    datastack_leave(&slice->data, ts);
    slice->exc_info = ts->exc_info;
    slice->context = ts->context;
    slice->py_recursion_remaining = ts->py_recursion_remaining;
    slice->py_recursion_limit = ts->py_recursion_limit;
    slice->c_recursion_remaining = ts->c_recursion_remaining;
    slice->recursion_headroom = ts->recursion_headroom;
    slice->tracing = ts->tracing;
    slice->what_event = ts->what_event;
}

static inline void
tstate_restore(tstate_slice *slice, PyThreadState *ts)
{
    entries_show(slice->entries);
    TSTATE_IN_ORDER;
    ts->current_frame = slice->frame;
    datastack_enter(&slice->data, ts);
    ts->exc_info = slice->exc_info;
    ts->context = slice->context;
    ts->context_ver++;
    slice->context = NULL;
    ts->py_recursion_remaining =
        slice->py_recursion_remaining + (ts->py_recursion_limit - slice->py_recursion_limit);
    ts->c_recursion_remaining = slice->c_recursion_remaining;
    ts->recursion_headroom = slice->recursion_headroom;
    ts->tracing = slice->tracing;
    ts->what_event = slice->what_event;
    slice->tracing = 0;
}
