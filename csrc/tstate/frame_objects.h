/* What frames.h needs to know of a frame, from CPython 3.11 to 3.13, where frames hold objects.
 * Before this, the version's file defines the names of the fields of the function, the code and the
 * current instruction: FRAME_FUNCTION, FRAME_CODE, FRAME_INSTRUCTION.
 *
 * `stacktop` has the depth of the evaluation stack while the frame waits for another one that
 * runs in the same run of the eval loop, or for a trace function. In a call from C the depth was
 * in a register, and stacktop is -1. */
#include "stack_floor.h"

static inline PyCodeObject *
frame_code(const _PyInterpreterFrame *frame)
{
    return (PyCodeObject *)frame->FRAME_CODE;
}

static inline int
frame_nlocals(const _PyInterpreterFrame *frame)
{
    return frame_code(frame)->co_nlocalsplus;
}

/* How many references it has for sure, locals first. A trace function may set f_lineno, for
 * which it needs a frame object, and then raise. In that case the frame is at one instruction,
 * but is unwound as if it were at the one before (exception_unwind in Python/ceval.c). */
static inline int
frame_depth(const _PyInterpreterFrame *frame)
{
    if (frame->stacktop >= 0) {
        return frame->stacktop;
    }
    PyCodeObject *code = frame_code(frame);
    Py_ssize_t instruction = frame->FRAME_INSTRUCTION - _PyCode_CODE(code);
    int floor = frame->frame_obj == NULL ? stack_floor(code, instruction) : 0;
    return frame_nlocals(frame) + floor;
}

/* Visits what a frame of a suspended stack owns, as far as nothing else visits it. gen_traverse in
 * Objects/genobject.c visits what the frame of a generator has, also while it runs, but locals and
 * evaluation stack only if `stacktop` is known. */
static inline int
frame_traverse(const _PyInterpreterFrame *frame, visitproc visit, void *arg)
{
    if (frame->owner == FRAME_OWNED_BY_THREAD) {
        Py_VISIT(frame->frame_obj);
        Py_VISIT(frame->f_locals);
        Py_VISIT(frame->FRAME_FUNCTION);
        Py_VISIT(frame->FRAME_CODE);
    }
    else if (frame->owner != FRAME_OWNED_BY_GENERATOR || frame->stacktop >= 0) {
        return 0;
    }
    int depth = frame_depth(frame);
    for (int i = 0; i < depth; i++) {
        Py_VISIT(frame->localsplus[i]);
    }
    return 0;
}

static inline PyObject *
frame_generator(_PyInterpreterFrame *frame)
{
    return (PyObject *)_PyFrame_GetGenerator(frame);
}

static inline void
frame_record_depth(_PyInterpreterFrame *frame)
{
    frame->stacktop = frame_depth(frame);
}

static inline void
frame_clear(_PyInterpreterFrame *frame)
{
    Py_CLEAR(frame->frame_obj);
    while (frame->stacktop > 0) {
        frame->stacktop--;
        Py_CLEAR(frame->localsplus[frame->stacktop]);
    }
    Py_CLEAR(frame->f_locals);
    Py_CLEAR(frame->FRAME_FUNCTION);
    Py_CLEAR(frame->FRAME_CODE);
}
