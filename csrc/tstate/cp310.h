/* The thread state of CPython 3.10; ../tstate.h says what each function is for. Frames are objects
 * here (frames_310.h), and there is no data stack. */
#include <internal/pycore_interp.h>
#include <internal/pycore_pystate.h>
#include <frameobject.h>

typedef struct tstate_slice {
    PyFrameObject *frame;           /* the C stack owns it */
    CFrame *cframe;                 /* on the C stack, unless it is `base` */
    _PyErr_StackItem *exc_info;
    PyObject *context;
    int recursion_depth;
    int recursion_headroom;
    int tracing;                    /* while it runs: the part of it that was inherited */
    int trash_delete_nesting;
    /* The bottom of what the interpreter chains through a stack. In 3.10 both may live anywhere. */
    CFrame base;
    _PyErr_StackItem exc_state;
} tstate_slice;

#define VERSION_DEBUG_OFFSETS(X) \
    FIELD(X, "interpreter", PyInterpreterState, modules) \
    FIELD(X, "thread_state", PyThreadState, frame) \
    FIELD(X, "frame_object", PyFrameObject, f_back) \
    FIELD(X, "frame_object", PyFrameObject, f_code) \
    FIELD(X, "frame_object", PyFrameObject, f_globals) \
    FIELD(X, "frame_object", PyFrameObject, f_lasti) \
    FIELD(X, "frame_object", PyFrameObject, f_stackdepth) \
    FIELD(X, "frame_object", PyFrameObject, f_valuestack) \
    FIELD(X, "frame_object", PyFrameObject, f_localsplus) \
    FIELD(X, "frame_object", PyFrameObject, f_iblock) \
    FIELD(X, "frame_object", PyFrameObject, f_blockstack) \
    FIELD(X, "block", PyTryBlock, b_level) \
    X("block.size", sizeof(PyTryBlock)) \
    FIELD(X, "code", PyCodeObject, co_code) \
    FIELD(X, "code", PyCodeObject, co_nlocals) \
    FIELD(X, "code", PyCodeObject, co_varnames) \
    FIELD(X, "code", PyCodeObject, co_cellvars) \
    FIELD(X, "code", PyCodeObject, co_freevars) \
    FIELD(X, "generator", PyGenObject, gi_frame) \
    FIELD(X, "long", PyLongObject, ob_digit) \
    /* Objects/dict-common.h */ \
    X("dict_keys.dk_size", sizeof(Py_ssize_t)) \
    X("dict_keys.dk_nentries", 3 * sizeof(Py_ssize_t) + sizeof(void *)) \
    X("dict_keys.dk_indices", 4 * sizeof(Py_ssize_t) + sizeof(void *))

#define USE_TRACING 1
#define STACK_FLOORS "floors_310.h"
#include "until_311.h"
#include "until_312.h"
#include "frames_310.h"
#include "matches.h"

static inline int
tstate_matches_interpreter(void)
{
    PyThreadState *ts = tstate_get();
    return ts == PyThreadState_Get()
        && matches_thread(ts)
        && matches_collector(ts)
        && ts->frame == PyEval_GetFrame()
        && matches_root(ts);
}

#define HAVE_TSTATE_INSTALL
static inline int
tstate_install(void)
{
    return stack_floor_install();
}

#define HAVE_TSTATE_COPIES_ARGS_FIRST
static inline int
tstate_copies_args_first(PyObject *Py_UNUSED(run), Py_ssize_t nargs)
{
    return nargs == 0;              /* a frame is allocated first */
}

#define HAVE_TSTATE_PREPARE
static inline int
tstate_prepare(tstate_slice *Py_UNUSED(slice), PyThreadState *Py_UNUSED(ts),
               Callee Py_UNUSED(callee))
{
    return 0;
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
    slice->tracing = ts->tracing;   /* inherited; it ends when this stack is first left */
    set_use_tracing(ts);
}

static inline void
tstate_save(tstate_slice *slice, PyThreadState *ts)
{
    if (__builtin_expect(slice->tracing != 0, 0)) {
        /* Not less than 0: sys.call_tracing makes ts->tracing 0 for a while. */
        ts->tracing = Py_MAX(ts->tracing - slice->tracing, 0);
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
    set_use_tracing(ts);
    slice->tracing = 0;
}

#define HAVE_TSTATE_END
static inline void
tstate_end(tstate_slice *slice, PyThreadState *ts)
{
    slice->context = ts->context;
    slice->frame = NULL;
}

#define HAVE_TSTATE_TRAVERSE
static inline int
tstate_traverse(tstate_slice *slice, int with_frames, visitproc visit, void *arg)
{
    Py_VISIT(slice->context);
    Py_VISIT(slice->exc_state.exc_type);
    Py_VISIT(slice->exc_state.exc_value);
    Py_VISIT(slice->exc_state.exc_traceback);
    return with_frames ? frames_traverse(slice->frame, visit, arg) : 0;
}

static inline void
tstate_clear(tstate_slice *slice)
{
    Py_CLEAR(slice->context);
    Py_CLEAR(slice->exc_state.exc_type);
    Py_CLEAR(slice->exc_state.exc_value);
    Py_CLEAR(slice->exc_state.exc_traceback);
}
