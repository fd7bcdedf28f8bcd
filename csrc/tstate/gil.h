/* The running thread's state, from CPython 3.13 on. There the variable that holds it is hidden, and to ask for it is a
 * function call, which takes a twentieth of a switch. But whoever runs has taken the GIL, which notes by whom it was taken
 * last (take_gil in Python/ceval_gil.c; _PyThreadState_Attach in Python/pystate.c always goes through it), and that can be
 * read. switchlib runs in the main interpreter only, whose GIL lies in it. */
#include <internal/pycore_runtime.h>

static inline PyThreadState *
tstate_get(void)
{
    PyThreadState *ts = _PyRuntime._main_interpreter._gil.last_holder;
    assert(ts == PyThreadState_GetUnchecked());
    return ts;
}

/* Whether that is where the interpreter has it, which its own table of offsets says, and works. */
static inline int
gil_known(void)
{
    const _Py_DebugOffsets *at = &_PyRuntime.debug_offsets;
    PyInterpreterState *interpreter = &_PyRuntime._main_interpreter;
    return interpreter == PyInterpreterState_Get()
        && at->interpreter_state.gil_runtime_state_holder == offsetof(PyInterpreterState, _gil.last_holder)
        && interpreter->ceval.gil == &interpreter->_gil
        && interpreter->_gil.last_holder == PyThreadState_GetUnchecked();
}
