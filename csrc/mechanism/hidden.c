/* Policy is hidden from tracebacks, and from what sys.settrace, sys.setprofile and
 * sys.monitoring call. What runs within it is not: signal handlers and finalisers may come
 * between any two of its bytecodes, and are traced and profiled like all code of users. */
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

/* Takes the policy's own frames off the exception's traceback: users see theirs. */
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

/* While policy runs these stand in the thread state, in the place of what sys.settrace and
 * sys.setprofile have put there. If a greenlet is left in the midst of policy they stay: they
 * pass on all events that are not policy's. */
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

/* Returns whether there was something to stand in for. */
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

/* Tools of sys.monitoring are called for all code or for none: while policy runs, for none. */
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
