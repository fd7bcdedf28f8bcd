/* The thread state of CPython 3.10; ../tstate.h tells what each function is for.
 *
 * Frames are objects, each of which owns the next one outwards: nobody who has one can reach what is gone.
 */
#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE 1
#endif
#undef _PyGC_FINALIZED     /* the internal headers have a macro of that name too */
#include <internal/pycore_interp.h>
#include <internal/pycore_pystate.h>
#include <frameobject.h>

#include "known.h"
#include "known_early.h"

#define TSTATE_DICT_SPEEDS_METHODS 0

typedef struct tstate_slice {
    PyFrameObject *frame;           /* the C stack owns it */
    CFrame *cframe;                 /* on the C stack, unless it is `base` */
    _PyErr_StackItem *exc_info;
    PyObject *context;
    int recursion_depth;
    int recursion_headroom;
    int tracing;                    /* while it runs: what is not its own, but was inherited */
    int trash_delete_nesting;
    /* The bottom of what the interpreter chains through a stack. In 3.10 both may live anywhere. */
    CFrame base;
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
        && known_collector(ts)
        && ts->frame == PyEval_GetFrame()
        && known_root(ts);
}

static inline void
tstate_install(void)
{
}

static inline int
tstate_copies_args_first(PyObject *Py_UNUSED(run), Py_ssize_t nargs)
{
    return nargs == 0;              /* a frame is allocated first */
}

static inline int
tstate_prepare(tstate_slice *Py_UNUSED(slice), PyThreadState *Py_UNUSED(ts), Callee Py_UNUSED(callee))
{
    return 0;
}

static inline void
tstate_set_use_tracing(PyThreadState *ts)
{
    ts->cframe->use_tracing = ts->tracing == 0 && (ts->c_tracefunc != NULL || ts->c_profilefunc != NULL);
}

static inline void
tstate_begin(tstate_slice *slice, PyThreadState *ts)
{
    ts->frame = NULL;
    slice->base.previous = &ts->root_cframe;
    ts->cframe = &slice->base;
    slice->exc_state = (_PyErr_StackItem){NULL, NULL, NULL, NULL};
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
    slice->frame = ts->frame;
    slice->cframe = ts->cframe;
    slice->exc_info = ts->exc_info;
    slice->context = ts->context;
    slice->recursion_depth = ts->recursion_depth;
    slice->recursion_headroom = ts->recursion_headroom;
    slice->tracing = ts->tracing;
    slice->trash_delete_nesting = ts->trash_delete_nesting;
}

static inline void
tstate_restore(tstate_slice *slice, PyThreadState *ts)
{
    ts->frame = slice->frame;
    ts->cframe = slice->cframe;
    ts->exc_info = slice->exc_info;
    ts->context = slice->context;
    ts->context_ver++;
    slice->context = NULL;
    ts->recursion_depth = slice->recursion_depth;
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
    slice->context = ts->context;
    slice->frame = NULL;
}

static inline PyObject *
tstate_frame(tstate_slice *slice, PyThreadState *Py_UNUSED(ts))
{
    return slice->frame == NULL ? Py_NewRef(Py_None) : Py_NewRef((PyObject *)slice->frame);
}

static inline void
tstate_abandon(tstate_slice *slice)
{
    /* A call owned its frame, a generator owns its own. What lay on the evaluation stacks is out of reach: their depth
     * was in a register. */
    PyObject *frame = Py_XNewRef((PyObject *)slice->frame);
    slice->frame = NULL;
    while (frame != NULL) {
        PyFrameObject *each = (PyFrameObject *)frame;
        PyObject *back = Py_XNewRef((PyObject *)each->f_back);
        if (each->f_gen != NULL) {
            Py_CLEAR(each->f_back);     /* somebody may hold the generator and look at its frame */
        }
        else {
            Py_DECREF(frame);
        }
        Py_DECREF(frame);
        frame = back;
    }
}

static inline int
tstate_traverse(tstate_slice *slice, visitproc visit, void *arg)
{
    Py_VISIT(slice->context);
    Py_VISIT(slice->exc_state.exc_type);
    Py_VISIT(slice->exc_state.exc_value);
    Py_VISIT(slice->exc_state.exc_traceback);
    return 0;
}

static inline void
tstate_clear(tstate_slice *slice)
{
    Py_CLEAR(slice->context);
    Py_CLEAR(slice->exc_state.exc_type);
    Py_CLEAR(slice->exc_state.exc_value);
    Py_CLEAR(slice->exc_state.exc_traceback);
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
