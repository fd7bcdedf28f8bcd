/* The answer of every function that settles what a switch, a throw or an end comes to. */
#ifndef SWITCHLIB_SETTLED_H
#define SWITCHLIB_SETTLED_H

#include "common.h"

typedef struct Settled {
    enum {
        DONE,                       /* no stack is left: `result` comes out of the switch */
        RETRY,                      /* the decision holds no more: ask again */
        /* The thread is ready: nothing may run until it has left. */
        RESUME,
        RAISE,
        BEGIN
    } what;
    PyObject *result;               /* NULL if an exception is set, or if not DONE */
} Settled;

#define SETTLED(what) ((Settled){what, NULL})
#define FAILED SETTLED(DONE)        /* an exception is set */

/* Whether the thread is about to leave its stack. Then it owns what was settled, so that other
 * references to that are not the last. */
static inline bool
is_leaving(Settled settled)
{
    return settled.what != DONE && settled.what != RETRY;
}

/* Drops a reference to something that was settled. */
static inline void
let_go(PyObject *object, Settled settled)
{
    if (is_leaving(settled)) {
        drop_shared(object);
    }
    else {
        release(object);
    }
}

#endif
