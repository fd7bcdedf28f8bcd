/* The thread state of CPython 3.11; ../tstate.h tells what each function is for. */
#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE 1
#endif
#undef _PyGC_FINALIZED     /* the internal headers have a macro of that name too */
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pystate.h>
#include <frameobject.h>

#define DATASTACK_FRAME_BYTES(code) \
    ((size_t)((code)->co_nlocalsplus + (code)->co_stacksize + FRAME_SPECIALS_SIZE) * sizeof(PyObject *))
#include "datastack.h"

/* _Py_Specialize_LoadMethod in Python/specialize.c gives up where the dict is NULL; all empty ones have the same keys. */
#define TSTATE_DICT_SPEEDS_METHODS 1

#define FRAME_FUNCTION f_func
#define FRAME_CODE f_code
#include "frame_objects.h"
#include "frames.h"
#include "known.h"
#include "known_frames.h"
#include "known_early.h"

typedef struct tstate_slice {
    _PyCFrame *cframe;                          /* on the C stack, unless it is `base` */
    struct _PyInterpreterFrame *current_frame;  /* of cframe: while suspended that one may be overwritten */
    datastack data;
    _PyErr_StackItem *exc_info;
    PyObject *context;
    int recursion_remaining;
    int recursion_limit;
    int recursion_headroom;
    int tracing;                    /* while it runs: what is not its own, but was inherited */
    int trash_delete_nesting;
    /* The bottom of what the interpreter chains through a stack. In 3.11 both may live anywhere. */
    _PyCFrame base;
    _PyErr_StackItem exc_state;
} tstate_slice;

static inline PyThreadState *
tstate_get(void)
{
    return _PyThreadState_GET();
}

static inline int
tstate_matches_interpreter(void)
{
    PyThreadState *ts = tstate_get();
    return ts == PyThreadState_Get()
        && known_thread(ts)
        && ts->recursion_limit == Py_GetRecursionLimit()
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
tstate_copies_args_first(PyObject *run, Py_ssize_t Py_UNUSED(nargs))
{
    /* initialize_locals in Python/ceval.c: else it makes a tuple or a dict first. */
    return (((PyCodeObject *)PyFunction_GET_CODE(run))->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) == 0;
}

static inline int
tstate_prepare(tstate_slice *slice, PyThreadState *Py_UNUSED(ts), Callee callee)
{
    return datastack_prepare(&slice->data, callee);
}

static inline void
tstate_set_use_tracing(PyThreadState *ts)
{
    ts->cframe->use_tracing =
        ts->tracing == 0 && (ts->c_tracefunc != NULL || ts->c_profilefunc != NULL) ? 255 : 0;
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
    ts->trash_delete_nesting = 0;
    ts->recursion_headroom = 0;
    slice->tracing = ts->tracing;   /* what is inherited; it ends when this stack is first left */
    tstate_set_use_tracing(ts);
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
    slice->current_frame = ts->cframe->current_frame;
    ts->cframe = &ts->root_cframe;
    datastack_leave(&slice->data, ts);
    slice->exc_info = ts->exc_info;
    slice->context = ts->context;
    slice->recursion_remaining = ts->recursion_remaining;
    slice->recursion_limit = ts->recursion_limit;
    slice->recursion_headroom = ts->recursion_headroom;
    slice->tracing = ts->tracing;
    slice->trash_delete_nesting = ts->trash_delete_nesting;
}

static inline void
tstate_restore(tstate_slice *slice, PyThreadState *ts)
{
    TSTATE_IN_ORDER;
    ts->cframe = slice->cframe;
    datastack_enter(&slice->data, ts);
    ts->exc_info = slice->exc_info;
    ts->context = slice->context;
    ts->context_ver++;
    slice->context = NULL;
    ts->recursion_remaining = slice->recursion_remaining + (ts->recursion_limit - slice->recursion_limit);
    ts->recursion_headroom = slice->recursion_headroom;
    ts->tracing = slice->tracing;
    ts->trash_delete_nesting = slice->trash_delete_nesting;
    /* sys.settrace reaches the cframe of its own stack only; the thread's functions are for all of them. */
    tstate_set_use_tracing(ts);
    slice->tracing = 0;
}

static inline void
tstate_end(tstate_slice *slice, PyThreadState *ts)
{
    datastack_end(&slice->data, ts);
    slice->context = ts->context;
    slice->current_frame = NULL;
}

static inline PyObject *
tstate_frame(tstate_slice *slice, PyThreadState *ts)
{
    int collecting = PyGC_Disable();    /* a finaliser would stand on the wrong frame */
    PyObject *frame = frames_innermost(slice->current_frame, &ts->cframe->current_frame, ts);
    if (collecting) {
        PyGC_Enable();
    }
    return frame;
}

static inline void
tstate_abandon(tstate_slice *slice)
{
    frames_abandon(&slice->current_frame, &slice->data);
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
    ts->cframe->use_tracing = 0;
}

static inline void
tstate_unmute(PyThreadState *ts)
{
    ts->tracing--;
    tstate_set_use_tracing(ts);
}

static inline int
tstate_finalizing(void)
{
    return _Py_IsFinalizing();
}

static inline int
tstate_trash_nesting(PyThreadState *ts)
{
    return ts->trash_delete_nesting;
}
