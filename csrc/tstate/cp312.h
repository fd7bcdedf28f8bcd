/* The thread state of CPython 3.12; ../tstate.h says what each function is for. */
#include <internal/pycore_ceval.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>

/* The order matters: each of these uses those above it. */
#include "datastack.h"
#define FRAME_FUNCTION f_funcobj
#define FRAME_CODE f_code
#define FRAME_INSTRUCTION prev_instr
#define STACK_FLOORS "floors_by_handlers.h"
#include "frame_objects.h"
#include "frames.h"
#include "lines.h"
#include "runs.h"
#define ENTRY_FRAME_OWNER FRAME_OWNED_BY_CSTACK
#include "entries.h"
#include "entries_312.h"
#include "matches.h"
#include "matches_frames.h"

typedef struct tstate_slice {
    _PyCFrame *cframe;              /* on the C stack, unless it is `base` */
    _PyInterpreterFrame *frame;     /* while suspended: the innermost */
    _PyInterpreterFrame *entries;   /* while suspended: those taken out of the chain of frames */
    datastack data;
    _PyErr_StackItem *exc_info;
    PyObject *context;
    int py_recursion_remaining;
    int py_recursion_limit;
    int c_recursion_remaining;      /* of the thread's C stack, as deep as this slice reaches */
    int recursion_headroom;
    int tracing;                    /* while it runs: the part of it that was inherited */
    int what_event;
    int trash_delete_nesting;
    /* The bottom of what the interpreter chains through a stack. In 3.12 both may live anywhere. */
    _PyCFrame base;
    _PyErr_StackItem exc_state;
} tstate_slice;

#define VERSION_DEBUG_OFFSETS(X) \
    DEBUG_OFFSETS_SINCE_312(X) \
    DEBUG_OFFSETS_WITH_RUNS(X) \
    FIELD(X, "frame", _PyInterpreterFrame, stacktop)

static inline PyThreadState *
tstate_get(void)
{
    return _PyThreadState_UncheckedGet();
}

static inline uint64_t
tstate_events_version(PyThreadState *ts)
{
    return ts->interp->monitoring_version;
}

#include "until_312.h"
#include "monitoring.h"

static inline int
tstate_matches_interpreter(void)
{
    PyThreadState *ts = tstate_get();
    return matches_thread_and_datastack(ts, ts->py_recursion_limit)
        && matches_collector(ts)
        && matches_frame(ts->cframe->current_frame)
        && matches_root(ts);
}

static inline void
tstate_begin(tstate_slice *slice, PyThreadState *ts)
{
    slice->base.current_frame = NULL;
    slice->base.previous = &ts->root_cframe;
    TSTATE_IN_ORDER;
    ts->cframe = &slice->base;
    datastack_begin(&slice->data, ts);
    slice->exc_state.exc_value = NULL;
    slice->exc_state.previous_item = NULL;
    ts->exc_info = &slice->exc_state;
    ts->context = slice->context;
    ts->context_ver++;
    slice->context = NULL;
    ts->trash.delete_nesting = 0;
    ts->recursion_headroom = 0;
    slice->tracing = ts->tracing;   /* inherited; it ends when this stack is first left */
    ts->what_event = -1;            /* none: a new stack is in no trace event */
}

static inline void
tstate_save(tstate_slice *slice, PyThreadState *ts)
{
    if (__builtin_expect(slice->tracing != 0, 0)) {
        /* Not less than 0: sys.call_tracing makes ts->tracing 0 for a while. */
        ts->tracing = Py_MAX(ts->tracing - slice->tracing, 0);
    }
    slice->cframe = ts->cframe;
    slice->frame = ts->cframe->current_frame;
    entries_hide_by_runs(&slice->frame, &slice->entries, ts);
    ts->cframe = &ts->root_cframe;
    datastack_leave(&slice->data, ts);
    slice->exc_info = ts->exc_info;
    slice->context = ts->context;
    slice->py_recursion_remaining = ts->py_recursion_remaining;
    slice->py_recursion_limit = ts->py_recursion_limit;
    slice->c_recursion_remaining = ts->c_recursion_remaining;
    slice->recursion_headroom = ts->recursion_headroom;
    slice->tracing = ts->tracing;
    slice->what_event = ts->what_event;
    slice->trash_delete_nesting = ts->trash.delete_nesting;
}

static inline void
tstate_restore(tstate_slice *slice, PyThreadState *ts)
{
    entries_show(slice->entries);
    TSTATE_IN_ORDER;
    ts->cframe = slice->cframe;
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
    ts->trash.delete_nesting = slice->trash_delete_nesting;
    slice->tracing = 0;
}

#define HAVE_TSTATE_FRAME
static inline PyObject *
tstate_frame(tstate_slice *slice, PyThreadState *ts)
{
    return frames_innermost(slice->frame, &ts->cframe->current_frame, ts);
}

#define HAVE_TSTATE_TRASH_NESTING
static inline int
tstate_trash_nesting(PyThreadState *ts)
{
    return ts->trash.delete_nesting;
}
