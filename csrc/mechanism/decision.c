/* Asking the policy, and carrying out what it decided. */
#include "parts.h"

PyObject *decisions[3];
PyObject *policy[POLICIES];

/* Takes the policy's own frames off the exception's traceback: users see theirs. */
static void
hide_policy_frames(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *ours = ((PyCodeObject *)PyFunction_GET_CODE(policy[P_SWITCH]))->co_filename;
    while (traceback != NULL) {
        PyCodeObject *code = PyFrame_GetCode(((PyTracebackObject *)traceback)->tb_frame);
        bool hidden = code->co_filename == ours;
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

PyObject *
ask(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyThreadState *ts = thread->tstate;
    tstate_mute(ts);
    PyObject *answer = PyObject_Vectorcall(policy[which], args, (size_t)nargs, kwnames);
    tstate_unmute(ts);
    if (unlikely(answer == NULL)) {
        hide_policy_frames();
    }
    return answer;
}

/* Raises an instance as it is, with the traceback it bears. Takes it over. */
static void
raise_instance(PyObject *exception)
{
    PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception, PyException_GetTraceback(exception));
}

PyObject *
take_instance(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(value, traceback);
    }
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
}

PyObject again;

swap_save_fn
settle_start(Thread *thread, Greenlet *target, PyObject *args, PyObject *kwargs, bool dying, PyObject **outcome)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *run = PyObject_GetAttr((PyObject *)target, run_name);
    *outcome = NULL;
    if (run != NULL && (!is_unstarted(target->state) || !belongs_here(thread, target))) {
        Py_DECREF(run);
        *outcome = &again;
    }
    else if (run != NULL && prepare_start(thread, (Greenlet *)Py_NewRef(target), run) == 0) {
        PyErr_Restore(type, value, traceback);
        thread->args = Py_XNewRef(args);
        thread->kwargs = Py_XNewRef(kwargs);
        return dying ? leave_for_good_to_begin : leave_to_begin;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return NULL;
}

/* Checks a decision, which it takes over. If it holds, the thread is ready for `swap` with the function returned,
 * and nothing may run before that. Else returns NULL and the outcome: what comes out of the switch (NULL with an
 * exception set), or &again. If the current greenlet is `dying` it cannot be the target. */
static swap_save_fn
settle(Thread *thread, PyObject *decision, bool dying, PyObject **outcome)
{
    *outcome = NULL;
    Py_ssize_t size = PyTuple_CheckExact(decision) ? PyTuple_GET_SIZE(decision) : 0;
    if (size < 3 || !is_greenlet(PyTuple_GET_ITEM(decision, 1))) {
        PyErr_Format(PyExc_SystemError, "the policy decided on %R", decision);
        Py_DECREF(decision);
        return NULL;
    }
    PyObject *kind = PyTuple_GET_ITEM(decision, 0);
    Greenlet *target = (Greenlet *)Py_NewRef(PyTuple_GET_ITEM(decision, 1));
    PyObject *payload = Py_NewRef(PyTuple_GET_ITEM(decision, 2));
    PyObject *kwargs = size > 3 ? PyTuple_GET_ITEM(decision, 3) : NULL;
    /* Without keywords there is no dict: if the greenlet's thread ends before it, nobody could free that. */
    kwargs = kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0 ? Py_NewRef(kwargs) : NULL;
    Py_DECREF(decision);            /* runs nothing, for we hold what it held but an empty dict */

    swap_save_fn save = NULL;
    if (is_unstarted(target->state) && kind == decisions[START]) {
        save = settle_start(thread, target, payload, kwargs, dying, outcome);
    }
    else if (is_unstarted(target->state) && kind == decisions[THROW]) {
        raise_instance(Py_NewRef(payload));
        save = settle_start(thread, target, NULL, NULL, dying, outcome);
    }
    else if (kind == decisions[START] || is_unstarted(target->state) || target->state->thread != thread
             || (target->state->slice.start == NULL && (dying || target != thread->current))) {
        *outcome = &again;
    }
    else {
        if (kind == decisions[THROW]) {
            raise_instance(payload);
            payload = NULL;
        }
        if (target == thread->current) {
            *outcome = arrive_here(thread, payload);
            Py_DECREF(target);
        }
        else {
            thread->target = target;
            thread->payload = payload;
            save = dying ? leave_for_good : leave;
        }
        return save;
    }
    release((PyObject *)target);    /* if it is to begin the thread holds these too, and nothing runs */
    release(payload);
    release(kwargs);
    return save;
}

swap_save_fn
ask_and_settle(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
               PyObject **outcome)
{
    swap_save_fn save;
    do {
        PyObject *decision = ask(thread, which, args, nargs, kwnames);
        if (decision == NULL) {
            *outcome = NULL;
            return NULL;
        }
        save = settle(thread, decision, false, outcome);
    } while (save == NULL && *outcome == &again);
    return save;
}

/* Leaves for a greenlet that lives. Returns if there is no memory to do it. */
static void
end_into(Thread *thread, Greenlet *heir, PyObject *result)
{
    thread->target = (Greenlet *)Py_NewRef(heir);
    thread->payload = result;
    swap(leave_for_good, arrive_or_stay, thread);
}

/* Without the policy, which could not say who is next, or knows of nobody: the nearest ancestor that lives; last of all
 * the thread's main greenlet, which is not among them if one of them has moved to another thread. */
static _Noreturn void
end_without_policy(Thread *thread, Greenlet *me, PyObject *result)
{
    for (Greenlet *parent = me->state->parent; parent != NULL; parent = parent->state->parent) {
        if (parent->state->thread == thread && parent->state->slice.start != NULL) {
            end_into(thread, parent, result);
        }
    }
    end_into(thread, thread->main, result);
    if (result != NULL) {
        PyErr_NoMemory();
    }
    for (PyObject *exception = take_instance(); exception != NULL;) {
        PyObject *context = PyException_GetContext(exception);
        raise_instance(exception);
        PyErr_WriteUnraisable((PyObject *)me);
        exception = context;
    }
    Py_FatalError("switchlib: no memory to leave a greenlet that has ended");
}

/* Makes `cause` the context of the exception that is set, if it has none. But one MemoryError is enough: CPython sets
 * few of them aside, and it is a fatal error to need another when there is no memory. */
static void
set_context_of_exception(PyObject *cause)
{
    if (cause != NULL && PyErr_GivenExceptionMatches(cause, PyExc_MemoryError)
        && PyErr_ExceptionMatches(PyExc_MemoryError)) {
        raise_instance(Py_NewRef(cause));
        return;
    }
    PyObject *exception = take_instance(), *context = PyException_GetContext(exception);
    if (cause != NULL && context == NULL && exception != cause) {
        PyException_SetContext(exception, Py_NewRef(cause));
    }
    Py_XDECREF(context);
    raise_instance(exception);
}

/* How often policy may be interrupted at one end before it is done without. */
#define MOST_INTERRUPTS 100

/* Ends `me` as the policy decides. The result is NULL if an exception is set. What goes wrong on the way becomes the
 * outcome: an heir that cannot take it (it has no run, is of another thread, or there is no memory to get there), an
 * interrupt. `failures` counts those heirs, from the parent up; if the parent changes on the way it is asked first. */
_Noreturn void
end_slowly(Thread *thread, Greenlet *me, PyObject *result)
{
    int failures = 0, interrupts = 0;
    const Greenlet *parent = me->state->parent;     /* to compare only */
    while (interrupts < MOST_INTERRUPTS) {
        if (result == NULL && PyErr_ExceptionMatches(GreenletExit)) {
            result = exit_value();
        }
        if (parent != me->state->parent) {
            parent = me->state->parent;
            failures = 0;
        }
        PyObject *exception = result == NULL ? take_instance() : NULL;
        PyObject *outcome = exception == NULL ? result : exception, *count = PyLong_FromLong(failures);
        PyObject *args[] = {
            (PyObject *)me, result == NULL ? Py_None : result, exception == NULL ? Py_None : exception, count};
        PyObject *decision = count == NULL ? NULL : ask(thread, P_END, args, 4, NULL), *settled = NULL;
        Py_XDECREF(count);
        bool nobody = decision == Py_None, interrupted = decision == NULL && !PyErr_ExceptionMatches(GreenletError);
        swap_save_fn save = decision == NULL || nobody ? NULL : settle(thread, decision, true, &settled);
        if (nobody || settled == &again) {
            if (exception != NULL) {
                raise_instance(exception);
            }
            if (nobody) {
                Py_DECREF(decision);
                break;
            }
            continue;
        }
        if (save != NULL) {
            Py_DECREF(outcome);         /* the thread holds it too */
            PyObject *payload = thread->payload;
            swap(save, arrive_or_stay, thread);
            outcome = payload == NULL ? take_instance() : payload;
            PyErr_NoMemory();
        }
        if (interrupted) {
            interrupts++;
        }
        else {
            failures++;
        }
        set_context_of_exception(exception);
        result = NULL;
        release(outcome);
    }
    end_without_policy(thread, me, result);
}
