/* What frames.h needs to know of a frame, from CPython 3.11 to 3.13: there frames hold objects. The
 * version's file says before it what the fields of the function and of the code are called:
 * FRAME_FUNCTION, FRAME_CODE.
 *
 * How deep the evaluation stack is stands in `stacktop` while the frame waits for another that runs
 * in the same run of the eval loop, or for a trace function. In a call from C it was in a register,
 * and stacktop is -1. */

static inline int
frame_nlocals(const _PyInterpreterFrame *frame)
{
    return ((PyCodeObject *)frame->FRAME_CODE)->co_nlocalsplus;
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
    int count = frame->stacktop >= 0 ? frame->stacktop : frame_nlocals(frame);
    for (int i = 0; i < count; i++) {
        Py_VISIT(frame->localsplus[i]);
    }
    return 0;
}

static inline PyObject *
frame_generator(_PyInterpreterFrame *frame)
{
    return (PyObject *)_PyFrame_GetGenerator(frame);
}

/* What is left on the evaluation stack is not dropped, even if its depth is known. */
static inline void
frame_clear(_PyInterpreterFrame *frame)
{
    Py_CLEAR(frame->frame_obj);
    for (int i = 0; i < frame_nlocals(frame); i++) {
        Py_CLEAR(frame->localsplus[i]);
    }
    Py_CLEAR(frame->f_locals);
    Py_CLEAR(frame->FRAME_FUNCTION);
    Py_CLEAR(frame->FRAME_CODE);
}
