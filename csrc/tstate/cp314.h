/* The thread state of CPython 3.14; ../tstate.h says what each function is for.
 *
 * These belong to the thread, not to a stack, and so are left alone: the limits of the C stack
 * (c_stack_top, c_stack_soft_limit, c_stack_hard_limit: all greenlets of a thread run on the same
 * one, and the interpreter compares the stack pointer itself, gh-91079), delete_later (dead
 * containers that wait until a stack has room to free them; any stack will do),
 * datastack_cached_chunk (an empty chunk, gh-142183; the first 3.14s have none), critical_section
 * and c_stack_refs (in use on free-threaded builds only), the running event loop and task of
 * asyncio, remote_debugger_support, and what is set for a thread as a whole: hooks of coroutines,
 * trace functions, and eval_breaker. */
#include <internal/pycore_ceval.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_genobject.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_interpframe.h>
#include <internal/pycore_stackref.h>

/* The order matters: each of these uses those above it. */
#include "datastack.h"
#define FRAME_CODE f_executable
#define FRAME_INSTRUCTION instr_ptr
#define STACK_FLOORS "floors_314.h"
#include "frame_stackrefs.h"
#include "frames.h"
#include "lines.h"
#define ENTRY_FRAME_OWNER FRAME_OWNED_BY_INTERPRETER
#include "entries.h"
#include "gil.h"
#include "context_watchers.h"
#include "matches.h"
#include "matches_frames.h"
#include "matches_table.h"

typedef struct tstate_slice {
    _PyInterpreterFrame *frame;     /* while suspended: the innermost */
    _PyInterpreterFrame *entries;   /* while suspended: those taken out of the chain of frames */
    datastack data;
    _PyErr_StackItem *exc_info;
    PyObject *context;
    PyObject *executor;             /* owned while suspended: see executor.h */
    int py_recursion_remaining;
    int py_recursion_limit;
    int recursion_headroom;
    int tracing;                    /* while it runs: the part of it that was inherited */
    int what_event;
    uintptr_t instrumentation;      /* its version when the stack was left */
    _PyErr_StackItem exc_state;     /* the bottom of exc_info's chain */
} tstate_slice;

#define VERSION_DEBUG_OFFSETS DEBUG_OFFSETS_SINCE_314

#include "instrument.h"
#include "monitoring.h"
#include "opcode_trace.h"
#include "executor.h"

static inline int
tstate_matches_interpreter(void)
{
    const _Py_DebugOffsets *table = &_PyRuntime.debug_offsets;
    const uint64_t last_field = table->debugger_support.remote_debugger_support;
    return matches_table()
        && table->interpreter_frame.stackpointer == offsetof(_PyInterpreterFrame, stackpointer)
        && last_field == offsetof(PyThreadState, remote_debugger_support)
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
    ts->current_executor = NULL;
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
    slice->executor = Py_XNewRef(ts->current_executor);
    slice->py_recursion_remaining = ts->py_recursion_remaining;
    slice->py_recursion_limit = ts->py_recursion_limit;
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
    ts->current_executor = slice->executor;
    Py_CLEAR(slice->executor);
    ts->py_recursion_remaining =
        slice->py_recursion_remaining + (ts->py_recursion_limit - slice->py_recursion_limit);
    ts->recursion_headroom = slice->recursion_headroom;
    ts->tracing = slice->tracing;
    ts->what_event = slice->what_event;
    slice->tracing = 0;
}
