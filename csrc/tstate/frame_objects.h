/* frame_clear up to CPython 3.13, whose frames hold objects. The version's file says before it what
 * the fields of the function and of the code are called: FRAME_FUNCTION, FRAME_CODE. The evaluation
 * stack is out of reach: its depth was in a register. */
static inline void
frame_clear(_PyInterpreterFrame *frame)
{
    Py_CLEAR(frame->frame_obj);
    for (int i = 0; i < ((PyCodeObject *)frame->FRAME_CODE)->co_nlocalsplus; i++) {
        Py_CLEAR(frame->localsplus[i]);
    }
    Py_CLEAR(frame->f_locals);
    Py_CLEAR(frame->FRAME_FUNCTION);
    Py_CLEAR(frame->FRAME_CODE);
}
