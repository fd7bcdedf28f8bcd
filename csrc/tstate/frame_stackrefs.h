/* frame_clear from CPython 3.14 on, whose frames hold stack references and know how many. */
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
