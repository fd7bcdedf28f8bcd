/* What frames.h needs to know of a frame, from CPython 3.14 on: there frames hold stack references.
 * In a call the stack pointer is known, also in one from C. */
#include <opcode_ids.h>
#undef RESUME                       /* the mechanism has one, too */

/* A reference that is borrowed from another place is not counted, nor visited. */
static inline int
stackref_traverse(_PyStackRef ref, visitproc visit, void *arg)
{
    if (!PyStackRef_IsNullOrInt(ref) && PyStackRef_RefcountOnObject(ref)) {
        Py_VISIT(PyStackRef_AsPyObjectBorrow(ref));
    }
    return 0;
}

/* How many references at the end of a frame's evaluation stack cannot be trusted. Some instructions
 * give away, or drop, what they have on it, and then drop something else, which may run anything,
 * before they have taken it off: STORE_SLICE its bounds, STORE_DEREF and others what they have
 * stored, a call its function and arguments, which belong to a frame that is being made. (So the
 * collector of CPython itself may see too much of a generator that runs.) Nor is it known what an
 * instruction does whose place another has taken. */
static inline int
frame_doubtful(const _PyInterpreterFrame *frame)
{
    enum { MOST_OPERANDS = 4 };
    switch (frame->instr_ptr->op.code) {
    case CALL:
    case CALL_BOUND_METHOD_GENERAL:
    case CALL_KW:
    case CALL_KW_BOUND_METHOD:
    case CALL_KW_PY:
    case CALL_PY_GENERAL:
        if (frame->instr_ptr[-1].op.code == EXTENDED_ARG) {
            return INT16_MAX;
        }
        return frame->instr_ptr->op.arg + 3;
    case BINARY_SLICE:
    case CALL_FUNCTION_EX:
#ifdef CALL_EX_PY
    case CALL_EX_NON_PY_GENERAL:
    case CALL_EX_PY:
#endif
    case MAP_ADD:
    case POP_EXCEPT:
    case SET_ADD:
    case STORE_DEREF:
    case STORE_SLICE:
    case STORE_SUBSCR:
    case STORE_SUBSCR_DICT:
    case STORE_SUBSCR_LIST_INT:
    case ENTER_EXECUTOR:
    case INSTRUMENTED_INSTRUCTION:
    case INSTRUMENTED_LINE:
#ifdef TRACE_RECORD
    case TRACE_RECORD:
#endif
        return MOST_OPERANDS;
    default:
        return 0;
    }
}

/* Visits what a frame of a suspended stack owns. A generator visits all of its frame itself, also
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
    const _PyStackRef *ref = frame->localsplus, *stack = _PyFrame_Stackbase(frame);
    const _PyStackRef *end = frame->stackpointer;
    if (end > stack) {
        int doubtful = frame_doubtful(frame);
        end = end - stack > doubtful ? end - doubtful : stack;
    }
    for (; result == 0 && ref < end; ref++) {
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
