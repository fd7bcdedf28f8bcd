/* A start: the target is checked and made ready, then the current stack is left for a new one. */
#ifndef SWITCHLIB_START_H
#define SWITCHLIB_START_H

#include "settled.h"
#include "thread.h"

HIDDEN_BEGIN

/* The ways to leave for a greenlet that starts. They cannot fail: prepare_start has allocated
 * all that they need. */
void *leave_to_begin(void *sp, void *thread);
void *leave_for_good_to_begin(void *sp, void *thread);

bool ancestors_belong_here(const Thread *thread, const Greenlet *g);

/* Whether an unstarted greenlet would run in this thread: whether its nearest ancestor that has
 * started belongs to this thread. */
static inline bool
belongs_here(const Thread *thread, const Greenlet *g)
{
    const Greenlet *parent = g->state->parent;
    return (parent != NULL && parent->state->thread == thread) || ancestors_belong_here(thread, g);
}

/* What a greenlet gets when it starts: arguments for its run, or an exception that is raised
 * instead. All borrowed. */
typedef struct Given {
    PyObject *args;                 /* NULL for an exception */
    PyObject *kwargs;               /* may be NULL */
    PyObject *exception;
    PyObject *traceback;            /* with which it is raised, may be NULL */
} Given;

/* The run of a target that was unstarted: a new reference. If it is NULL, without_run has the
 * answer. It may run anything. */
PyObject *find_run(Greenlet *target);
Settled without_run(const Greenlet *target);

/* The last steps before a new stack, after it was found out what `run` calls. Checks the target.
 * Takes run over in any case. */
Settled prepare_start(Thread *thread, Greenlet *target, PyObject *run, Callee callee);

/* The same, and hands over what is given. */
Settled settle_run(Thread *thread, Greenlet *target, PyObject *run, Given given);

HIDDEN_END

#endif
