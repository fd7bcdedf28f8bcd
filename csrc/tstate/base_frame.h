/* The frame at the base of each stack of a thread, from CPython 3.15 on (ts->base_frame,
 * gh-138122).
 *
 * No Python code runs in it, and it has no code object. Yet sys._getframe makes a frame object
 * of it if it is called where there is no frame of Python, as a greenlet's run may be. So it is
 * given an empty code object, and what else a frame object looks at. */

#define HAVE_TSTATE_BASE_FRAME
static inline int
tstate_enter_thread(PyThreadState *ts)
{
    static PyCodeObject *code;
    static PyObject *globals;
    if (code == NULL && (code = PyCode_NewEmpty("<greenlet>", "<greenlet>", 1)) == NULL) {
        return -1;
    }
    if (globals == NULL && (globals = PyDict_New()) == NULL) {
        return -1;
    }
    _PyInterpreterFrame *base = ts->base_frame;
    if (!PyStackRef_IsNull(base->f_executable)
        && PyStackRef_AsPyObjectBorrow(base->f_executable) == (PyObject *)code) {
        return 0;                   /* a finaliser that ran meanwhile was first */
    }
    base->f_executable = PyStackRef_FromPyObjectNew((PyObject *)code);
    base->f_globals = globals;
    base->f_builtins = ts->interp->builtins;
    base->instr_ptr = _PyCode_CODE(code) + code->_co_firsttraceable;
    base->stackpointer = base->localsplus;
    return 0;
}

/* The frame object lives on without the base frame, also after the thread has ended. This may
 * drop the last reference to something that the program put into its f_locals. `ts` may be
 * another thread's. */
static inline void
tstate_detach_base_frame(PyThreadState *ts)
{
    _PyInterpreterFrame *base = ts->base_frame, *running = tstate_get()->current_frame;
    if (base->frame_obj != NULL) {
        if (running == base) {
            tstate_get()->current_frame = NULL;
        }
        _PyFrame_ClearExceptCode(base);
        base->f_funcobj = PyStackRef_None;
        base->stackpointer = base->localsplus;
        base->owner = FRAME_OWNED_BY_INTERPRETER;
        if (running == base) {
            tstate_get()->current_frame = base;
        }
    }
}

static inline void
tstate_leave_thread(PyThreadState *ts)
{
    _PyInterpreterFrame *base = ts->base_frame;
    tstate_detach_base_frame(ts);
    if (!PyStackRef_IsNull(base->f_executable)) {
        PyStackRef_CLEAR(base->f_executable);
    }
    base->f_executable = PyStackRef_None;
}
