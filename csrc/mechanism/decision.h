/* Decisions of the policy: asked for, checked, and made ready to be carried out.
 *
 *     (SWITCH, target, value)          target's own call of switch returns value
 *     (THROW, target, exception)       exception is raised in target
 *     (START, target, args, kwargs)    target's run is called with these on a new stack
 *
 * When the policy's function has returned, its decision may no longer hold: another thread, the
 * collector or a signal handler may have run meanwhile. What is settled is carried out at once,
 * and no Python code runs in between. */
#ifndef SWITCHLIB_DECISION_H
#define SWITCHLIB_DECISION_H

#include "hidden.h"
#include "settled.h"

HIDDEN_BEGIN

enum {
    SWITCH,
    THROW,
    START
};

/* Makes the ints that tag decisions, and puts them into a dict by these names. 0, or -1 with an
 * exception set. */
int decisions_make(PyObject *namespace);

/* Checks a decision. If it is an exception, it is raised with this traceback (may be NULL). If
 * the current greenlet is `dying`, it cannot be the target. */
Settled settle(Thread *thread, PyObject *decision, PyObject *traceback, bool dying);

/* Drops a decision that was settled. */
void drop_decision(PyObject *decision, Settled settled);

/* Asks until a decision holds. */
Settled ask_and_settle(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs,
                       PyObject *kwnames, PyObject *traceback);

HIDDEN_END

#endif
