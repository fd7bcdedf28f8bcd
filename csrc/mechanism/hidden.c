/* Policy is hidden from those who look at a program: from tracebacks, and from what sys.settrace, sys.setprofile and
 * sys.monitoring call. What runs within it is not: signal handlers and finalisers may come between any two of its
 * bytecodes, and are traced like all code of users. */
#include "parts.h"

static bool
is_policy(PyObject *code)
{
    return code != NULL && PyCode_Check(code)
        && ((PyCodeObject *)code)->co_filename == ((PyCodeObject *)PyFunction_GET_CODE(policy[P_SWITCH]))->co_filename;
}

/* Takes the policy's own frames off the exception's traceback: users see theirs. */
static void
hide_policy_frames(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    while (traceback != NULL) {
        PyObject *code = (PyObject *)PyFrame_GetCode(((PyTracebackObject *)traceback)->tb_frame);
        bool hidden = is_policy(code);
        Py_DECREF(code);
        if (!hidden) {
            break;
        }
        PyObject *next = Py_XNewRef((PyObject *)((PyTracebackObject *)traceback)->tb_next);
        Py_DECREF(traceback);
        traceback = next;
    }
    if (value != NULL && PyExceptionInstance_Check(value)) {
        PyException_SetTraceback(value, traceback == NULL ? Py_None : traceback);
    }
    PyErr_Restore(type, value, traceback);
}

/* While somebody watches, and policy runs, this is called to run each frame of Python that C enters (PEP 523). Events are
 * muted where policy is entered, and no longer where it is left for something else. */
static _PyFrameEvalFunction eval_beyond;

static PyObject *
eval_hidden(PyThreadState *ts, tstate_python_frame *frame, int throwing)
{
    bool into = is_policy(tstate_code_of(frame)), out_of = is_policy(tstate_running_code(ts));
    if (into == out_of) {
        return eval_beyond(ts, frame, throwing);
    }
    (into ? tstate_mute : tstate_unmute)(ts);
    PyObject *result = eval_beyond(ts, frame, throwing);
    (into ? tstate_unmute : tstate_mute)(ts);
    return result;
}

/* Returns whether it was not in place yet. If a greenlet is left in the midst of policy it stays there, and does no harm. */
static bool
hide_events(PyInterpreterState *interpreter)
{
    _PyFrameEvalFunction eval = _PyInterpreterState_GetEvalFrameFunc(interpreter);
    if (eval == eval_hidden) {
        return false;
    }
    eval_beyond = eval;
    _PyInterpreterState_SetEvalFrameFunc(interpreter, eval_hidden);
    return true;
}

static void
show_events(PyInterpreterState *interpreter)
{
    if (_PyInterpreterState_GetEvalFrameFunc(interpreter) == eval_hidden) {
        _PyInterpreterState_SetEvalFrameFunc(interpreter, eval_beyond);
    }
}

PyObject *
call_hidden(PyThreadState *ts, PyObject *function, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    bool hides = tstate_watched(ts) && hide_events(PyThreadState_GetInterpreter(ts));
    PyObject *answer = PyObject_Vectorcall(function, args, (size_t)nargs, kwnames);
    if (unlikely(hides)) {
        show_events(PyThreadState_GetInterpreter(ts));
    }
    if (unlikely(answer == NULL)) {
        hide_policy_frames();
    }
    return answer;
}
