/* The frames of CPython 3.10: objects, each of which owns the next one outwards. So what holds a
 * frame cannot reach a frame that is gone. The struct tstate_slice comes before this. */
#include "stack_floor.h"

#include <opcode.h>

#include "lines_310.h"

#define HAVE_TSTATE_FRAME
static inline PyObject *
tstate_frame(tstate_slice *slice, PyThreadState *Py_UNUSED(ts))
{
    return slice->frame == NULL ? Py_NewRef(Py_None) : Py_NewRef((PyObject *)slice->frame);
}

/* Whether the next frame runs this generator, or one to which it delegates. If so, the iterator
 * or receiver of this instruction, its first operand, is still there, since it has not ended. */
static inline bool
runs_generator(const PyFrameObject *frame, const PyObject *generator, int floor)
{
    const _Py_CODEUNIT *units = (const _Py_CODEUNIT *)PyBytes_AS_STRING(frame->f_code->co_code);
    int opcode = _Py_OPCODE(units[frame->f_lasti]);
    return (opcode == FOR_ITER || opcode == YIELD_FROM)
        && frame->f_valuestack[floor] == generator;
}

/* The floor of the instruction at which a frame is. When a handler has been found, but its first
 * instruction has not begun, that is still the instruction that raised, and a signal handler may
 * run. Then there are six values above what was kept: the exceptions that are handled now and
 * before. */
static inline int
frame_floor(const PyFrameObject *frame, const PyFrameObject *called)
{
    int floor = stack_floor(frame->f_code, frame->f_lasti);
    if (frame->f_iblock > 0) {
        const PyTryBlock *block = &frame->f_blockstack[frame->f_iblock - 1];
        if (block->b_type == EXCEPT_HANDLER && block->b_handler == frame->f_lasti) {
            return Py_MIN(floor, block->b_level + 6);
        }
    }
    bool may_iterate = frame->f_lasti >= 0 && called != NULL && called->f_gen != NULL;
    return floor + (may_iterate && runs_generator(frame, called->f_gen, floor));
}

/* How much of its evaluation stack is there for sure. While a frame is being unwound, this goes
 * down to the beginning of its innermost block. */
static inline int
frame_depth(const PyFrameObject *frame, const PyFrameObject *called)
{
    if (frame->f_stackdepth >= 0) {
        return frame->f_stackdepth;
    }
    if (frame->f_state == FRAME_EXECUTING) {
        return frame_floor(frame, called);
    }
    return frame->f_iblock == 0 ? 0 : frame->f_blockstack[frame->f_iblock - 1].b_level;
}

/* Visits what the frames of a suspended stack own. The collector does not track frames of calls
 * before they have been left, so nothing else visits what they have, no matter what holds them.
 * It tracks frames of generators, and a frame that C code made for a call. But of an evaluation
 * stack they visit only what is below f_stackdepth, which is -1 while they run. */
static inline int
frames_traverse(PyFrameObject *innermost, visitproc visit, void *arg)
{
    int result = 0;
    PyFrameObject *called = NULL;
    for (PyFrameObject *frame = innermost; frame != NULL; called = frame, frame = frame->f_back) {
        if (!PyObject_GC_IsTracked((PyObject *)frame)) {
            result = PyFrame_Type.tp_traverse((PyObject *)frame, visit, arg);
        }
        int depth = frame->f_stackdepth < 0 ? frame_depth(frame, called) : 0;
        for (int i = 0; i < depth && result == 0; i++) {
            Py_VISIT(frame->f_valuestack[i]);
        }
        if (result != 0) {
            break;
        }
    }
    return result;
}

/* Calls `visit` with each generator, coroutine and asynchronous generator that runs there. */
static inline int
frames_visit_generators(PyFrameObject *innermost, visitproc visit, void *arg)
{
    for (PyFrameObject *frame = innermost; frame != NULL; frame = frame->f_back) {
        Py_VISIT(frame->f_gen);
    }
    return 0;
}

/* A call owned its frame; a generator owns its own. A frame drops what is below f_stackdepth. */
#define HAVE_TSTATE_ABANDON
static inline void
tstate_abandon(tstate_slice *slice)
{
    PyObject *frame = Py_XNewRef((PyObject *)slice->frame);
    const PyFrameObject *called = NULL;
    for (PyFrameObject *each = slice->frame; each != NULL; called = each, each = each->f_back) {
        each->f_stackdepth = frame_depth(each, called);
    }
    slice->frame = NULL;
    while (frame != NULL) {
        PyFrameObject *each = (PyFrameObject *)frame;
        PyObject *back = Py_XNewRef((PyObject *)each->f_back);
        if (each->f_gen != NULL) {
            Py_CLEAR(each->f_back);     /* something may hold the generator, and look at its
                                           frame */
        }
        else {
            Py_DECREF(frame);
        }
        Py_DECREF(frame);
        frame = back;
    }
}

#define HAVE_TSTATE_RUNNING_FRAME
static inline const void *
tstate_running_frame(PyThreadState *ts, tstate_reader read)
{
    const void *frame;
    return read(&frame, &ts->frame, sizeof frame) ? frame : NULL;
}

#define HAVE_TSTATE_READ_FRAME
static inline bool
tstate_read_frame(const void *address, tstate_reader read, tstate_frame_entry *entry)
{
    PyFrameObject frame;
    if (!read(&frame, address, offsetof(PyFrameObject, f_localsplus))) {
        return false;
    }
    entry->previous = frame.f_back;
    entry->code = frame.f_code;
    entry->instruction = frame.f_lasti * (int)sizeof(_Py_CODEUNIT);
    return true;
}
