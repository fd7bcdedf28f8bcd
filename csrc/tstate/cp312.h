/* The thread state of CPython 3.12; ../tstate.h tells what each function is for.
 *
 * Each run of the eval loop (_PyEval_EvalFrameDefault) has two structures of its own on the C stack: a _PyCFrame, which
 * leads to the next run's, and an entry frame, which stands in the chain of frames between the outermost frame of the
 * run and the frame that it was called from. Frame objects, tracebacks and generators lead into that chain, also in a
 * suspended greenlet, whose C stack others use. So the entry frames are taken out of it for as long as it is suspended.
 */
#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE 1
#endif
#undef _PyGC_FINALIZED     /* the internal headers have a macro of that name too */
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>

#define DATASTACK_FRAME_BYTES(code) ((size_t)(code)->co_framesize * sizeof(PyObject *))
#include "datastack.h"

#define TSTATE_DICT_SPEEDS_METHODS 0

#define ENTRY_FRAME_OWNER FRAME_OWNED_BY_CSTACK

#define FRAME_FUNCTION f_funcobj
#define FRAME_CODE f_code
#include "frame_objects.h"
#include "frames.h"
#include "entries.h"
#include "known.h"
#include "known_frames.h"
#include "known_early.h"

typedef struct tstate_slice {
    _PyCFrame *cframe;              /* on the C stack, unless it is `base` */
    _PyInterpreterFrame *frame;     /* while suspended: the innermost */
    _PyInterpreterFrame *entries;   /* while suspended: the entry frames that were taken out of the chain */
    datastack data;
    _PyErr_StackItem *exc_info;
    PyObject *context;
    int py_recursion_remaining;
    int py_recursion_limit;
    int c_recursion_remaining;      /* of the thread's C stack, as deep as this slice reaches into it */
    int recursion_headroom;
    int tracing;                    /* while it runs: what is not its own, but was inherited */
    int what_event;
    int trash_delete_nesting;
    /* The bottom of what the interpreter chains through a stack. In 3.12 both may live anywhere. */
    _PyCFrame base;
    _PyErr_StackItem exc_state;
} tstate_slice;

static inline PyThreadState *
tstate_get(void)
{
    return _PyThreadState_UncheckedGet();
}

static inline int
tstate_matches_interpreter(void)
{
    PyThreadState *ts = tstate_get();
    return known_thread(ts)
        && ts->py_recursion_limit == Py_GetRecursionLimit()
        && known_tracing(ts)
        && known_datastack(ts)
        && known_collector(ts)
        && known_frame(ts->cframe->current_frame)
        && known_root(ts);
}

static inline void
tstate_install(void)
{
    chunk_cache_install(tstate_in_main_interpreter);
}

static inline int
tstate_copies_args_first(PyObject *Py_UNUSED(run), Py_ssize_t Py_UNUSED(nargs))
{
    return 1;                       /* the collector runs between bytecodes only */
}

static inline int
tstate_prepare(tstate_slice *slice, PyThreadState *Py_UNUSED(ts), Callee callee)
{
    return datastack_prepare(&slice->data, callee);
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
    slice->tracing = ts->tracing;   /* what is inherited; it ends when this stack is first left */
    ts->what_event = -1;            /* none: a new stack is in no tracer's event */
}

/* The outermost frame of all, if it is the first of the data stack; else NULL. */
static inline _PyInterpreterFrame *
tstate_outermost(PyThreadState *ts)
{
    _PyStackChunk *chunk = ts->datastack_chunk;
    PyObject **top = ts->datastack_top;
    while (chunk != NULL && chunk->previous != NULL) {
        chunk = chunk->previous;
        top = &chunk->data[chunk->top];
    }
    if (chunk == NULL || top <= &chunk->data[1]) {
        return NULL;
    }
    _PyInterpreterFrame *frame = (_PyInterpreterFrame *)&chunk->data[1];
    if (frame->prev_instr < _PyCode_CODE(frame->f_code)) {
        return NULL;                /* its locals are being made, and it is not in the chain yet */
    }
    return frame->previous->previous == NULL ? frame : NULL;    /* only the last run's entry frame leads nowhere */
}

/* Takes the entry frames out of the chain of frames: there may be several in a row, or one in front, since a call's
 * locals are cleared when its frame has been left. Of the last run, most often the longest or the only one, nothing is
 * walked through: how deep a greenlet stands should not matter to its switches. */
static inline void
tstate_hide_entries(tstate_slice *slice, PyThreadState *ts)
{
    _PyCFrame *run = ts->cframe;
    _PyInterpreterFrame **link = &slice->frame, *frame;
    slice->frame = run->current_frame;
    slice->entries = NULL;
    while ((frame = *link) != NULL) {
        if (frame->owner == ENTRY_FRAME_OWNER) {
            slice->entries = entry_take(link, slice->entries);
            run = run->previous;
        }
        else if (run->previous != NULL && run->previous->current_frame == NULL) {
            _PyInterpreterFrame *outermost = tstate_outermost(ts);
            link = outermost == NULL ? &frame->previous : &outermost->previous;
            run = &ts->root_cframe;     /* this was the last */
        }
        else {
            link = &frame->previous;
        }
    }
}

static inline int
tstate_catch_up(tstate_slice *Py_UNUSED(slice), PyThreadState *Py_UNUSED(ts))
{
    return 0;
}

static inline void
tstate_save(tstate_slice *slice, PyThreadState *ts)
{
    if (__builtin_expect(slice->tracing != 0, 0)) {
        ts->tracing = Py_MAX(ts->tracing - slice->tracing, 0);  /* sys.call_tracing makes it 0 for a while */
    }
    slice->cframe = ts->cframe;
    tstate_hide_entries(slice, ts);
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
    ts->py_recursion_remaining = slice->py_recursion_remaining + (ts->py_recursion_limit - slice->py_recursion_limit);
    ts->c_recursion_remaining = slice->c_recursion_remaining;
    ts->recursion_headroom = slice->recursion_headroom;
    ts->tracing = slice->tracing;
    ts->what_event = slice->what_event;
    ts->trash.delete_nesting = slice->trash_delete_nesting;
    slice->tracing = 0;
}

static inline void
tstate_end(tstate_slice *slice, PyThreadState *ts)
{
    datastack_end(&slice->data, ts);
    slice->context = ts->context;
    slice->frame = NULL;
}

static inline PyObject *
tstate_frame(tstate_slice *slice, PyThreadState *ts)
{
    return frames_innermost(slice->frame, &ts->cframe->current_frame, ts);
}

static inline void
tstate_abandon(tstate_slice *slice)
{
    frames_abandon(&slice->frame, &slice->data);
}

static inline int
tstate_traverse(tstate_slice *slice, visitproc visit, void *arg)
{
    Py_VISIT(slice->context);
    Py_VISIT(slice->exc_state.exc_value);
    return 0;
}

static inline void
tstate_clear(tstate_slice *slice)
{
    Py_CLEAR(slice->context);
    Py_CLEAR(slice->exc_state.exc_value);
}

static inline void
tstate_mute(PyThreadState *ts)
{
    ts->tracing++;
}

static inline void
tstate_unmute(PyThreadState *ts)
{
    ts->tracing--;
}

static inline int
tstate_finalizing(void)
{
    return _Py_IsFinalizing();
}

static inline int
tstate_trash_nesting(PyThreadState *ts)
{
    return ts->trash.delete_nesting;
}

static inline uint64_t
tstate_events_version(PyThreadState *ts)
{
    return ts->interp->monitoring_version;
}

#include "monitoring.h"
