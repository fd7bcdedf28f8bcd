/* What frames.h needs to know of a frame, from CPython 3.14 on, where frames hold stack
 * references. */
#include "stack_floor.h"

static inline PyCodeObject *
frame_code(const _PyInterpreterFrame *frame)
{
    return (PyCodeObject *)PyStackRef_AsPyObjectBorrow(frame->f_executable);
}

/* A reference that is borrowed from another place is neither counted nor visited. */
static inline int
stackref_traverse(_PyStackRef ref, visitproc visit, void *arg)
{
    if (!PyStackRef_IsNullOrInt(ref) && PyStackRef_RefcountOnObject(ref)) {
        Py_VISIT(PyStackRef_AsPyObjectBorrow(ref));
    }
    return 0;
}

/* The end of what the frame has for sure. In a call the stack pointer is known. But some
 * instructions have by then given away, or dropped, what still lies below it (STORE_SLICE its
 * bounds, STORE_DEREF what it has stored, CALL_FUNCTION_EX a function that could not be called).
 * While a stack is unwound, on the other hand, the stack pointer is below the floor, and right. */
static inline _PyStackRef *
frame_end(_PyInterpreterFrame *frame)
{
    PyCodeObject *code = frame_code(frame);
    int floor = stack_floor(code, frame->instr_ptr - _PyCode_CODE(code));
    _PyStackRef *base = _PyFrame_Stackbase(frame);
    return frame->stackpointer < base ? base : Py_MIN(base + floor, frame->stackpointer);
}

/* Visits what a frame of a suspended stack owns. A generator visits its whole frame itself, also
 * while it runs. */
static inline int
frame_traverse(_PyInterpreterFrame *frame, visitproc visit, void *arg)
{
    if (frame->owner != FRAME_OWNED_BY_THREAD) {
        return 0;
    }
    Py_VISIT(frame->frame_obj);
    Py_VISIT(frame->f_locals);
    int result = stackref_traverse(frame->f_funcobj, visit, arg);
    if (result == 0) {
        result = stackref_traverse(frame->f_executable, visit, arg);
    }
    const _PyStackRef *end = frame_end(frame);
    for (const _PyStackRef *ref = frame->localsplus; result == 0 && ref < end; ref++) {
        result = stackref_traverse(*ref, visit, arg);
    }
    return result;
}

static inline PyObject *
frame_generator(_PyInterpreterFrame *frame)
{
    return (PyObject *)_PyGen_GetGeneratorFromFrame(frame);
}

static inline void
frame_record_depth(_PyInterpreterFrame *frame)
{
    frame->stackpointer = frame_end(frame);
}

static inline void
frame_clear(_PyInterpreterFrame *frame)
{
    Py_CLEAR(frame->frame_obj);
    while (frame->stackpointer > frame->localsplus) {
        frame->stackpointer--;
        PyStackRef_CLEAR(*frame->stackpointer);
    }
    Py_CLEAR(frame->f_locals);
    PyStackRef_CLEAR(frame->f_funcobj);
    PyStackRef_CLEAR(frame->f_executable);
}
