/* The policy is hidden from tracebacks, and from what sys.settrace, sys.setprofile and
 * sys.monitoring call. What runs within it is not hidden: signal handlers and finalisers may
 * come between any two of its bytecodes, and are traced and profiled like all user code. */
#include "hidden.h"

PyObject *policy[POLICIES];

static bool
is_policy(PyFrameObject *frame)
{
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyCodeObject *of_policy = (PyCodeObject *)PyFunction_GET_CODE(policy[P_SWITCH]);
    bool hidden = code->co_filename == of_policy->co_filename;
    Py_DECREF(code);
    return hidden;
}

/* Removes the policy's own frames from the exception's traceback, and keeps those of users. */
static void
hide_policy_frames(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    while (traceback != NULL && is_policy(((PyTracebackObject *)traceback)->tb_frame)) {
        PyObject *next = Py_XNewRef((PyObject *)((PyTracebackObject *)traceback)->tb_next);
        Py_DECREF(traceback);
        traceback = next;
    }
    if (value != NULL && PyExceptionInstance_Check(value)) {
        PyException_SetTraceback(value, traceback == NULL ? Py_None : traceback);
    }
    PyErr_Restore(type, value, traceback);
}

/* While the policy runs, the thread state has these in place of the functions that sys.settrace
 * and sys.setprofile have set. If a greenlet is left in the midst of the policy they stay. They
 * pass on all events that are not the policy's. */
static int
trace_others(PyObject *object, PyFrameObject *frame, int what, PyObject *arg)
{
    return is_policy(frame) ? 0 : thread_find()->trace_function(object, frame, what, arg);
}

static int
profile_others(PyObject *object, PyFrameObject *frame, int what, PyObject *arg)
{
    return is_policy(frame) ? 0 : thread_find()->profile_function(object, frame, what, arg);
}

/* Returns whether there was a function to replace. */
static bool
hide_from(Py_tracefunc *function, Py_tracefunc *kept, Py_tracefunc ours)
{
    if (*function == NULL || *function == ours) {
        return false;
    }
    *kept = *function;
    *function = ours;
    return true;
}

static void
show_to(Py_tracefunc *function, Py_tracefunc kept, Py_tracefunc ours)
{
    if (*function == ours) {
        *function = kept;
    }
}

/* Tools of sys.monitoring are called for all code or for none. While the policy runs, they are
 * called for none. */
PyObject *
ask(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyThreadState *ts = thread->tstate;
    bool monitored = tstate_monitored(ts);
    bool traced = hide_from(&ts->c_tracefunc, &thread->trace_function, trace_others);
    bool profiled = hide_from(&ts->c_profilefunc, &thread->profile_function, profile_others);
    if (unlikely(monitored)) {
        tstate_mute(ts);
    }
    PyObject *answer = PyObject_Vectorcall(policy[which], args, (size_t)nargs, kwnames);
    if (unlikely(monitored)) {
        tstate_unmute(ts);
    }
    if (unlikely(traced)) {
        show_to(&ts->c_tracefunc, thread->trace_function, trace_others);
    }
    if (unlikely(profiled)) {
        show_to(&ts->c_profilefunc, thread->profile_function, profile_others);
    }
    if (unlikely(answer == NULL)) {
        hide_policy_frames();
    }
    return answer;
}
