/* Threads come and go: at their first use of greenlets, and at their end. */
#ifndef SWITCHLIB_ENTER_H
#define SWITCHLIB_ENTER_H

#include "thread.h"

HIDDEN_BEGIN

extern bool closing;                /* the interpreter runs its exit functions, or ends already */

/* The running thread, with a new main greenlet if it had none. First kills what waits to be
 * killed in the thread. NULL with an exception set if this fails. May run anything. */
Thread *thread_enter(void);

/* The same, but kills nothing. */
Thread *thread_enter_quietly(void);

/* The rest of current_greenlet, for the cases that are not simple. */
PyObject *current_greenlet_slowly(void);

/* A new reference to the greenlet that runs; NULL with an exception set if there is none any
 * more. */
static inline PyObject *
current_greenlet(void)
{
    Thread *thread = last_thread;
    if (unlikely(!is_fast(thread) || closing)) {
        return current_greenlet_slowly();
    }
    return Py_NewRef((PyObject *)thread->current);
}

HIDDEN_END

#endif
