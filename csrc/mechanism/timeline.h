/* The recorder of the timeline: what greenlets do, with times, in a ring of records.
 *
 * While it is on, every thread of the main interpreter has the bit RECORDED in `watched_by`, which
 * each arrival tests anyway. So nothing is slower while it is off, and the shortcuts stay on while
 * it is on.
 *
 * The ring holds as many records as it was given room for; the oldest make way. A greenlet has a
 * number in it, since an address is used again. The name goes with the record of its end, which
 * is the last that needs it, and the names of those that have not ended are handed over when the
 * recorder stops. So a name is never lost to the ring. switchlib/_timeline/recording.py reads all
 * this. */
#ifndef SWITCHLIB_TIMELINE_H
#define SWITCHLIB_TIMELINE_H

#include "thread.h"

HIDDEN_BEGIN

/* Call it first of all at an arrival, if the thread's `watched_by` has RECORDED. The event is
 * SWITCHED, STARTED or THROWN. An exception may be set; it stays so. May run anything but a
 * switch. */
void timeline_arrival(Thread *thread, Event event, Greenlet *origin, PyObject *payload);

/* A greenlet was made. May run anything but a switch. */
void timeline_creation(Thread *thread, Greenlet *made);

/* The greenlet that has this state is freed. Runs nothing. */
void timeline_forget(const State *state);

/* A thread begins to use greenlets, and has ended. Run nothing. */
void timeline_thread_begin(Thread *thread);
void timeline_thread_end(const Thread *thread);

/* Whether a greenlet is that of an event loop, which may wait for events: as names.py has it. */
typedef enum Loop {
    NO_LOOP,
    LOOP,
    LOOP_THAT_SLEEPS                /* if it waits for a time only: eventlet's */
} Loop;

/* What is known of a thread's current greenlet, also without the GIL: then `thread` is a copy.
 * Texts are the addresses of strings, which are not to be trusted, or NULL. */
typedef struct TimelineName {
    const PyObject *text, *thread_text;
    Loop loop;
} TimelineName;

TimelineName timeline_name_of(const Thread *thread);

/* In the whole time; written under the GIL, and read at any time. */
extern struct TimelineTotals {
    uint64_t arrivals, created, ended;
} timeline_totals;

/* For switchlib/_mechanism.py. timeline_start with a ring, and timeline_stop, may be called while
 * the recorder counts; then it counts on. */
PyObject *timeline_start(PyObject *module, PyObject *args);
PyObject *timeline_stop(PyObject *module, PyObject *counts_on);
PyObject *timeline_mark(PyObject *module, PyObject *text);
PyObject *timeline_label(PyObject *module, PyObject *args);
PyObject *timeline_counts(PyObject *module, PyObject *ignored);

HIDDEN_END

#endif
