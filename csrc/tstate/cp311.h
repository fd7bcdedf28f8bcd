/* The thread state of CPython 3.11; ../tstate.h says what each function is for. */
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pystate.h>
#include <frameobject.h>

/* The order matters: each of these uses those above it. */
#define DATASTACK_FRAME_BYTES(code) \
    (sizeof(PyObject *) \
     * (size_t)((code)->co_nlocalsplus + (code)->co_stacksize + FRAME_SPECIALS_SIZE))
#include "datastack.h"
/* In 3.11.0 a frame still stood in the chain while it was cleared (gh-99729). */
#define FRAMES_ARE_WHOLE (Py_Version >= 0x030B0100)
#define FRAME_FUNCTION f_func
#define FRAME_CODE f_code
#define FRAME_INSTRUCTION prev_instr
#define STACK_FLOORS "floors_by_handlers.h"
#include "frame_objects.h"
#include "frames.h"
#include "lines.h"
#include "runs.h"
#include "matches.h"
#include "matches_frames.h"

typedef struct tstate_slice {
    _PyCFrame *cframe;              /* on the C stack, unless it is `base` */
    _PyInterpreterFrame *frame;     /* of cframe, which may be overwritten while suspended */
    datastack data;
    _PyErr_StackItem *exc_info;
    PyObject *context;
    int recursion_remaining;
    int recursion_limit;
    int recursion_headroom;
    int tracing;                    /* while it runs: the part of it that was inherited */
    int trash_delete_nesting;
    /* The bottom of what the interpreter chains through a stack. In 3.11 both may live anywhere. */
    _PyCFrame base;
    _PyErr_StackItem exc_state;
} tstate_slice;

#define VERSION_DEBUG_OFFSETS(X) \
    DEBUG_OFFSETS_SINCE_311(X) \
    DEBUG_OFFSETS_WITH_RUNS(X) \
    FIELD(X, "interpreter", PyInterpreterState, modules) \
    X("frame.function", offsetof(_PyInterpreterFrame, f_func)) \
    FIELD(X, "frame", _PyInterpreterFrame, stacktop) \
    FIELD(X, "long", PyLongObject, ob_digit)

#define USE_TRACING 255
#include "until_311.h"
#include "until_312.h"

static inline int
tstate_matches_interpreter(void)
{
    PyThreadState *ts = tstate_get();
    return ts == PyThreadState_Get()
        && matches_thread_and_datastack(ts, ts->recursion_limit)
        && matches_collector(ts)
        && matches_frame(ts->cframe->current_frame)
        && matches_root(ts);
}

/* _Py_Specialize_LoadMethod in Python/specialize.c gives up where the dict is NULL; all empty ones
 * have the same keys. */
#define TSTATE_DICT_SPEEDS_METHODS 1

#define HAVE_TSTATE_COPIES_ARGS_FIRST
static inline int
tstate_copies_args_first(PyObject *run, Py_ssize_t Py_UNUSED(nargs))
{
    /* initialize_locals in Python/ceval.c: otherwise it makes a tuple or a dict first. */
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(run);
    return (code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) == 0;
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
    slice->cframe = ts->cframe;
    slice->frame = ts->cframe->current_frame;
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
    ts->recursion_remaining =
        slice->recursion_remaining + (ts->recursion_limit - slice->recursion_limit);
    ts->recursion_headroom = slice->recursion_headroom;
    ts->tracing = slice->tracing;
    ts->trash_delete_nesting = slice->trash_delete_nesting;
    set_use_tracing(ts);
    slice->tracing = 0;
}

#define HAVE_TSTATE_FRAME
static inline PyObject *
tstate_frame(tstate_slice *slice, PyThreadState *ts)
{
    int collecting = PyGC_Disable();    /* a finaliser would stand on the wrong frame */
    PyObject *frame = frames_innermost(slice->frame, &ts->cframe->current_frame, ts);
    if (collecting) {
        PyGC_Enable();
    }
    return frame;
}
