/* Reports a greenlet that has run for long without a switch, while others of its thread could have
 * run: once, and while it still runs, also if it is stuck in C code. A thread of our own looks. It
 * never holds the GIL and trusts no address.
 *
 * It looks at each thread's number of arrivals, which the recorder counts (timeline.h). If the
 * number is the same for as long as was asked for, the current greenlet is slow, unless
 *
 *   - no other greenlet of the thread is suspended or unstarted, or
 *   - it is the greenlet of an event loop, and waits for events: the thread is in epoll_wait or the
 *     like. (Any other greenlet that is there blocks the event loop.)
 *
 * The time counts from the last switch, or from when the first other greenlet could run. */
#ifndef SWITCHLIB_SLOW_H
#define SWITCHLIB_SLOW_H

#include "thread.h"

HIDDEN_BEGIN

/* For switchlib/_mechanism.py. */
PyObject *slow_start(PyObject *module, PyObject *args);
PyObject *slow_stop(PyObject *module, PyObject *ignored);

HIDDEN_END

#endif
