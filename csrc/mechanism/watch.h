/* Reports events of greenlets: watchers are called for all threads, a tracer for its own.
 *
 * A watcher is any callable, with a mask of the events that it is called for. It is called where
 * the event happens: in the greenlet that makes another, in the target of a switch, in the greenlet
 * that ends. While a watcher runs, its thread has no other events, and cannot switch. */
#ifndef SWITCHLIB_WATCH_H
#define SWITCHLIB_WATCH_H

#include "thread.h"

HIDDEN_BEGIN

/* The details of an event. All borrowed, and NULL where an event has none. */
typedef struct Details {
    Greenlet *origin;               /* the greenlet that ran before */
    PyObject *run, *value, *exception;
} Details;

/* Calls the watchers of this event. It concerns `g`. What they raise is reported, and goes no
 * further. No exception may be set. May run anything but a switch. */
void report(Thread *thread, Event event, Greenlet *g, Details details);

/* Reports that the current greenlet was switched to: to the watchers of contexts, to ours, and to
 * the thread's tracer. The event is SWITCHED with a value, THROWN with an exception, or STARTED.
 * If the tracer raises, it is removed, and what it raised is to arrive instead: returns -1. No
 * exception may be set. May run anything. */
int report_arrival(Thread *thread, Event event, Greenlet *origin, PyObject *payload);

/* For switchlib/_mechanism.py. */
PyObject *watchers_list(PyObject *module, PyObject *ignored);

/* Replaces the watchers, (watcher, mask) each, if they are still those that were listed. 1, or 0
 * if they are others, or -1 with an exception set. */
int watchers_replace(PyObject *before, PyObject *after);

/* Removes all. */
void watchers_clear(void);

/* Makes the type of what watchers are given, and puts it into a dict; 0, or -1 with an exception
 * set. */
int watch_install(PyObject *namespace);

HIDDEN_END

#endif
