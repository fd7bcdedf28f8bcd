#include "decision.h"

#include "exception.h"
#include "marks.h"
#include "start.h"
#include "switch.h"

static PyObject *tags[3];

int
decisions_make(PyObject *namespace)
{
    static const char *const names[] = {"SWITCH", "THROW", "START"};
    for (int i = 0; i < 3; i++) {
        if ((tags[i] = PyLong_FromLong(i)) == NULL
            || PyDict_SetItemString(namespace, names[i], tags[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static bool
is_decision(PyObject *decision)
{
    Py_ssize_t size = PyTuple_CheckExact(decision) ? PyTuple_GET_SIZE(decision) : 0;
    return size >= 3 && is_greenlet(PyTuple_GET_ITEM(decision, 1))
        && (PyTuple_GET_ITEM(decision, 0) != tags[START]
            || (size == 4 && PyDict_CheckExact(PyTuple_GET_ITEM(decision, 3))));
}

static Settled
settle_start(Thread *thread, Greenlet *target, Given given)
{
    PyObject *run = find_run(target);
    return run == NULL ? without_run(target) : settle_run(thread, target, run, given);
}

/* A switch to the current greenlet: its own call returns what it is given, at once. */
static PyObject *
arrive_at_once(Thread *thread, PyObject *payload, PyObject *traceback, bool thrown)
{
    Greenlet *origin = (Greenlet *)Py_NewRef(thread->current);
    Py_INCREF(payload);
    return thrown ? arrive_raising(thread, origin, payload, Py_XNewRef(traceback))
                  : arrive_slowly(thread, origin, payload, SWITCHED);
}

Settled
settle(Thread *thread, PyObject *decision, PyObject *traceback, bool dying)
{
    if (!is_decision(decision)) {
        PyErr_Format(PyExc_SystemError, "the policy decided on %R", decision);
        return FAILED;
    }
    PyObject *tag = PyTuple_GET_ITEM(decision, 0), *payload = PyTuple_GET_ITEM(decision, 2);
    Greenlet *target = (Greenlet *)PyTuple_GET_ITEM(decision, 1);
    bool thrown = tag == tags[THROW];
    if (is_unstarted(target->state) && thrown) {
        return settle_start(thread, target, (Given){.exception = payload, .traceback = traceback});
    }
    if (is_unstarted(target->state) && tag == tags[START]) {
        /* Without keywords no dict is kept: if the greenlet's thread ends first, it could never
         * be freed. */
        PyObject *kwargs = PyTuple_GET_ITEM(decision, 3);
        kwargs = PyDict_GET_SIZE(kwargs) > 0 ? kwargs : NULL;
        return settle_start(thread, target, (Given){.args = payload, .kwargs = kwargs});
    }
    if (is_unstarted(target->state) || tag == tags[START] || target->state->thread != thread) {
        return SETTLED(RETRY);      /* it has started since, or its thread has ended */
    }
    if (target == thread->current && !dying) {
        return (Settled){DONE, arrive_at_once(thread, payload, traceback, thrown)};
    }
    if (target->state->slice.start == NULL) {
        return SETTLED(RETRY);      /* it has ended since */
    }
    unmark_generators(target);
    thread->target = (Greenlet *)Py_NewRef(target);
    thread->payload = Py_NewRef(payload);
    thread->traceback = thrown ? Py_XNewRef(traceback) : NULL;
    return SETTLED(thrown ? RAISE : RESUME);
}

void
drop_decision(PyObject *decision, Settled settled)
{
    if (is_leaving(settled)) {
        drop_quietly(decision);     /* the thread holds all that the decision held, except an
                                       empty dict */
    }
    else {
        release(decision);
    }
}

Settled
ask_and_settle(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs,
               PyObject *kwnames, PyObject *traceback)
{
    if (thread->is_reporting) {
        PyErr_SetString(GreenletError, "cannot switch while a watcher runs in this thread");
        return FAILED;
    }
    Settled settled;
    do {
        PyObject *decision = ask(thread, which, args, nargs, kwnames);
        if (decision == NULL) {
            return FAILED;
        }
        settled = settle(thread, decision, traceback, false);
        drop_decision(decision, settled);
    } while (settled.what == RETRY);
    return settled;
}
