/* Asking the policy, and carrying out what it decided. */
#include "parts.h"

PyObject *decisions[3];
PyObject *policy[POLICIES];
vectorcallfunc function_vectorcall;

void
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
    PyException_SetTraceback(value, traceback == NULL ? Py_None : traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
}

PyObject *
run_of_start(Greenlet *target, Settled *settled)
{
    PyObject *run = Py_TYPE(target) == Public ? Py_XNewRef(target->state->run) : NULL;
    if (run == NULL) {
        run = PyObject_GetAttr((PyObject *)target, run_name);
    }
    *settled = (Settled){DONE, NULL};
    if (run == NULL && !is_unstarted(target->state) && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();              /* it was begun meanwhile, and has none any more */
        settled->what = RETRY;
    }
    return run;
}

Settled
settle_run(Thread *thread, Greenlet *target, PyObject *run, PyObject *args, PyObject *kwargs, PyObject *exception,
           PyObject *traceback)
{
    Callee callee = callee_of(run);
    Settled settled = prepare_start(thread, target, run, callee);
    if (settled.what == BEGIN) {
        thread->args = Py_XNewRef(args);
        thread->kwargs = Py_XNewRef(kwargs);
        thread->payload = Py_XNewRef(exception);
        thread->traceback = Py_XNewRef(traceback);
    }
    return settled;
}

Settled
settle_start(Thread *thread, Greenlet *target, PyObject *args, PyObject *kwargs, PyObject *exception,
             PyObject *traceback)
{
    Settled settled;
    PyObject *run = run_of_start(target, &settled);
    return run == NULL ? settled : settle_run(thread, target, run, args, kwargs, exception, traceback);
}

static bool
is_decision(PyObject *decision)
{
    Py_ssize_t size = PyTuple_CheckExact(decision) ? PyTuple_GET_SIZE(decision) : 0;
    return size >= 3 && is_greenlet(PyTuple_GET_ITEM(decision, 1))
        && (PyTuple_GET_ITEM(decision, 0) != decisions[START] || (size == 4 && PyDict_CheckExact(PyTuple_GET_ITEM(decision, 3))));
}

/* Checks a decision. If the current greenlet is `dying` it cannot be the target. */
static Settled
settle(Thread *thread, PyObject *decision, PyObject *traceback, bool dying)
{
    if (!is_decision(decision)) {
        PyErr_Format(PyExc_SystemError, "the policy decided on %R", decision);
        return (Settled){DONE, NULL};
    }
    PyObject *kind = PyTuple_GET_ITEM(decision, 0), *payload = PyTuple_GET_ITEM(decision, 2);
    Greenlet *target = (Greenlet *)PyTuple_GET_ITEM(decision, 1);
    bool thrown = kind == decisions[THROW];
    if (is_unstarted(target->state) && thrown) {
        return settle_start(thread, target, NULL, NULL, payload, traceback);
    }
    if (is_unstarted(target->state) && kind == decisions[START]) {
        /* Without keywords there is no dict: if the greenlet's thread ends before it, nobody could free that. */
        PyObject *kwargs = PyTuple_GET_ITEM(decision, 3);
        return settle_start(thread, target, payload, PyDict_GET_SIZE(kwargs) > 0 ? kwargs : NULL, NULL, NULL);
    }
    if (is_unstarted(target->state) || kind == decisions[START] || target->state->thread != thread) {
        return (Settled){RETRY, NULL};
    }
    if (target == thread->current && !dying) {
        PyObject *result = Py_NewRef(payload), *origin = Py_NewRef(target);
        result = thrown ? arrive_raising(thread, (Greenlet *)origin, result, Py_XNewRef(traceback))
                        : arrive_slowly(thread, (Greenlet *)origin, result);
        return (Settled){DONE, result};
    }
    if (target->state->slice.start == NULL) {
        return (Settled){RETRY, NULL};
    }
    thread->target = (Greenlet *)Py_NewRef(target);
    thread->payload = Py_NewRef(payload);
    thread->traceback = thrown ? Py_XNewRef(traceback) : NULL;
    return (Settled){thrown ? RAISE : RESUME, NULL};
}

/* If it holds the thread has all that it held but an empty dict. */
static void
drop_decision(PyObject *decision, Settled settled)
{
    if (settled.what == DONE || settled.what == RETRY) {
        release(decision);
    }
    else {
        drop_quietly(decision);
    }
}

Settled
ask_and_settle(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
               PyObject *traceback)
{
    Settled settled;
    do {
        PyObject *decision = ask(thread, which, args, nargs, kwnames);
        if (decision == NULL) {
            return (Settled){DONE, NULL};
        }
        settled = settle(thread, decision, traceback, false);
        drop_decision(decision, settled);
    } while (settled.what == RETRY);
    return settled;
}

/* Leaves for a greenlet that lives. Returns if there is no memory to do it. */
static void
end_into(Thread *thread, Greenlet *heir, PyObject *result)
{
    thread->target = (Greenlet *)Py_NewRef(heir);
    thread->payload = result;
    swap(leave_for_good_or_stay, arrive, thread);
    thread->stayed = false;
}

/* Without the policy, which could not say who is next, or knows of nobody: the nearest ancestor that lives; last of all
 * the thread's main greenlet, which is not among them if one of them has moved to another thread. */
static _Noreturn void
end_without_policy(Thread *thread, Greenlet *me, PyObject *result)
{
    for (Walk walk = walk_from(me->state->parent); walk.at != NULL; walk_up(&walk)) {
        if (walk.at->state->thread == thread && walk.at->state->slice.start != NULL) {
            end_into(thread, walk.at, result);
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

/* Asks who is next when `me` ends with a result, or with an exception, and settles it. `nobody` is set if no ancestor is left,
 * `interrupted` if something came in between that is no fault of the heir. */
static Settled
settle_end(Thread *thread, Greenlet *me, PyObject *result, PyObject *exception, int failures, bool *nobody,
           bool *interrupted)
{
    PyObject *count = PyLong_FromLong(failures);
    PyObject *args[] = {
        (PyObject *)me, result == NULL ? Py_None : result, exception == NULL ? Py_None : exception, count};
    PyObject *decision = count == NULL ? NULL : ask(thread, P_END, args, 4, NULL);
    Py_XDECREF(count);
    *nobody = decision == Py_None;
    *interrupted = decision == NULL && !PyErr_ExceptionMatches(GreenletError);
    if (decision == NULL || decision == Py_None) {
        Py_XDECREF(decision);
        return (Settled){DONE, NULL};
    }
    PyObject *traceback = exception == NULL ? NULL : PyException_GetTraceback(exception);
    Settled settled = settle(thread, decision, traceback, true);
    drop_decision(decision, settled);
    let_go(traceback, settled);
    return settled;
}

/* Leaves `me` as was settled. Returns if there is no memory to do it. */
static void
leave_for_good(Thread *thread, Settled settled)
{
    if (settled.what == BEGIN) {
        switchlib_start_stack(leave_for_good_to_begin, begin, thread);
    }
    swap(leave_for_good_or_stay, settled.what == RAISE ? arrive_to_raise : arrive, thread);
    thread->stayed = false;
}

/* Ends `me` as the policy decides. The result is NULL if an exception is set. What goes wrong on the way becomes the
 * outcome: an heir that cannot take it (it has no run, is of another thread, or there is no memory to get there), an
 * interrupt. `failures` counts those heirs, from the parent up; if the parent changes on the way it is asked first. */
_Noreturn void
end_slowly(Thread *thread, Greenlet *me, PyObject *result)
{
    int failures = 0, interrupts = 0;
    bool nobody = false;
    const Greenlet *parent = me->state->parent;     /* to compare only */
    while (!nobody && interrupts < MOST_INTERRUPTS) {
        if (result == NULL && PyErr_ExceptionMatches(GreenletExit)) {
            result = exit_value();
        }
        if (parent != me->state->parent) {
            parent = me->state->parent;
            failures = 0;
        }
        bool interrupted;
        PyObject *exception = result == NULL ? take_instance() : NULL;
        Settled settled = settle_end(thread, me, result, exception, failures, &nobody, &interrupted);
        if (settled.what == RETRY || nobody) {
            if (exception != NULL) {
                raise_instance(exception);
            }
            continue;
        }
        PyObject *outcome = result == NULL ? exception : result;
        if (settled.what != DONE) {
            drop_shared(outcome);       /* the thread holds it too */
            outcome = thread->payload;
            leave_for_good(thread, settled);
            PyErr_NoMemory();
        }
        *(interrupted ? &interrupts : &failures) += 1;
        set_context_of_exception(exception);
        release(outcome);
        result = NULL;
    }
    end_without_policy(thread, me, result);
}
