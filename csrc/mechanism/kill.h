/* The end of greenlets that nothing refers to.
 *
 * The greenlet that drops the last reference kills at once. What a victim drops as it dies is
 * killed within that kill, and so is what its result drops. A long chain must not nest as deep
 * as it is long. So while MOST_NESTED kills are nested, a further victim waits in its thread's
 * list, until one of them is over, or the thread next uses greenlets. */
#ifndef SWITCHLIB_KILL_H
#define SWITCHLIB_KILL_H

#include "thread.h"

HIDDEN_BEGIN

/* Kills what is in the thread's lists, as far as it can be killed now: in `doomed` the greenlets
 * without other references, in `unreachable` all. If the thread has ended they are only
 * released. */
void kill_doomed(Thread *thread);

/* How many are in such a list. */
Py_ssize_t count_doomed(const Greenlet *list);

/* Puts a suspended greenlet into its thread's list `unreachable`. */
void add_unreachable(Greenlet *g);

/* tp_finalize: kills a suspended greenlet, or has it killed later. */
void greenlet_finalize(PyObject *object);

/* Whether the collector would call greenlet_finalize if it found the greenlet. Not if the class
 * has a __del__ of its own, or if it was called before. But a greenlet that was killed since
 * then, and lived on, is finalised again. */
bool can_be_finalized(Greenlet *self);

HIDDEN_END

#endif
