/* Threads that use greenlets, found by their thread state. How they come and go is in enter.c. */
#ifndef SWITCHLIB_THREAD_H
#define SWITCHLIB_THREAD_H

#include "registry.h"

HIDDEN_BEGIN

/* Up to this many arguments are lent with a `self` before them. */
#define LENT_WITH_SELF 5

/* The events that watchers are called for. Each is a bit of a mask. */
typedef enum Event {
    CREATED = 1,
    STARTED = 2,
    SWITCHED = 4,
    THROWN = 8,
    ENDED = 16,
    RECORDED_EVENTS = 32            /* all of them, by the recorder: timeline.h */
} Event;

/* To what an arrival is reported. Each is a bit of a mask. */
enum { WATCHED = 1,                 /* to a tracer, or to watchers of what is not a creation */
       RECORDED = 2 };

/* A thread that has used greenlets. The guard in its thread state's dict owns it (enter.c), the
 * table of threads, and each greenlet that began in it. */
typedef struct Thread {
    PyThreadState *fast_tstate;     /* tstate while shortcuts may be taken, otherwise NULL */
    PyThreadState *tstate;          /* NULL when the thread has ended */
    uint64_t id;                    /* of tstate: another may get its address, but not its number */
    unsigned long native_id;        /* the system's number, for readers in other processes */
    unsigned long ident;            /* as threading.get_ident() gives it */
    bool of_main_interpreter;       /* one of a subinterpreter comes here by the C API only */
    Greenlet *current;              /* owned: nothing on a greenlet's own stack may own it */
    Greenlet *main;                 /* owned */
    Greenlet *listed;               /* borrowed: the first in its list, see registry.h */

    /* The switch under way. */
    Greenlet *target;               /* owned */
    PyObject *payload;              /* owned: the value, or what arrive_to_raise raises;
                                       NULL if an exception is set */
    PyObject *traceback;            /* owned, may be NULL: with which it is raised */
    bool stayed;                    /* there was no memory to leave the stack */
    /* If the target starts, either a function is lent its arguments in an array (all borrowed),
     * see lend_args, ... */
    PyFunctionObject *lent_function;
    PyObject *const *lent_args;
    Py_ssize_t lent_nargs;
    PyObject *lent_with_self[1 + LENT_WITH_SELF];   /* the array, if `self` comes first */
    /* ... or run is called with these. */
    PyObject *args;                 /* owned; NULL to raise the payload instead of calling run */
    PyObject *kwargs;               /* owned, may be NULL */
    PyObject *replaced_run;         /* owned: another run took its place; to be released there */

    struct Greenlet *first_of_row;  /* borrowed, may be NULL: see shorten_row */
    PyObject *tracer;               /* owned, may be NULL */
    uint8_t watched_by;             /* WATCHED, RECORDED */
    bool may_lend_args;             /* shortcuts may be taken, and no start is reported */
    bool is_reporting;              /* a watcher runs: watch.h */
    /* For the recorder: timeline.h */
    uint32_t timeline_number;       /* 0 until the recorder knows it */
    uint32_t timeline_name;
    uint64_t arrived_at;            /* when the current greenlet did, in ns */
    uint64_t arrivals;              /* how many were recorded */
    Py_tracefunc trace_function, profile_function;  /* those that policy is hidden from */
    /* Owned lists of greenlets that are to be killed when the thread next uses greenlets: */
    Greenlet *doomed;               /* lost their last reference elsewhere, or had to wait */
    Greenlet *unreachable;          /* lost it in the collector, or were found in cycles */
    Py_ssize_t count;               /* of references to this */
    struct Thread *next;            /* in its bucket */
    /* For end_forgotten_threads: */
    bool was_seen;
    bool outlives_guard;            /* it began after the guard of its thread state had gone */
} Thread;

extern Thread *last_thread;         /* the thread that used greenlets last; the GIL protects it */
extern bool shortcuts;
extern int watched_events;          /* for which a watcher, or the recorder, is called: watch.h */
extern bool there_are_marks;        /* on generators that run in suspended greenlets: marks.h */
extern Py_ssize_t main_greenlets;   /* how many there are */
extern bool several_threads;        /* have used greenlets, and may have ended */

static inline bool
is_suspended(const State *state)
{
    return state->slice.start != NULL && state->thread->tstate != NULL;
}

static inline bool
is_current(const Greenlet *g)
{
    return g->state->thread != NULL && g->state->thread->current == g;
}

/* Whether the thread is that of this thread state. */
static inline bool
is_thread_of(const Thread *thread, PyThreadState *ts)
{
    return thread->tstate == ts && thread->id == tstate_id(ts);
}

/* Whether the running thread is this one, and may take shortcuts. */
static inline bool
is_fast(const Thread *thread)
{
    PyThreadState *ts = tstate_get();
    return thread->fast_tstate == ts && thread->id == tstate_id(ts);
}

/* Whether an arrival is to be reported to anything: watch.h */
static inline bool
is_watched(const Thread *thread)
{
    return thread->watched_by | tstate_context_is_watched();
}

/* Whether a switch to `target` can only go there: it is suspended in this thread, and nothing
 * forbids shortcuts. */
static inline bool
is_plain(const Thread *thread, const Greenlet *target)
{
    const State *to = target->state;
    return thread->fast_tstate != NULL && to->thread == thread && to->slice.start != NULL;
}

/* Whether a greenlet's attributes may be read without asking the policy. The answer is the same
 * in each thread, so the thread at hand is asked: the last one. */
static inline bool
may_read_at_once(void)
{
    return last_thread->fast_tstate != NULL;
}

/* Call these when something that forbids shortcuts may have changed. */
void update_fast_tstate(Thread *thread);
void update_all_fast_tstates(void);

/* Call these before and after a function that is told something. In between the thread cannot
 * switch, and the function is not traced. */
void thread_begin_report(Thread *thread);
void thread_end_report(Thread *thread);

/* The thread of a thread state, which becomes the last one; NULL if it has not used greenlets. */
Thread *thread_find_in_table(PyThreadState *ts);

/* The running thread; NULL, with no exception set, if it has not used greenlets yet. */
static inline Thread *
thread_find(void)
{
    PyThreadState *ts = tstate_get();
    return likely(is_thread_of(last_thread, ts)) ? last_thread : thread_find_in_table(ts);
}

/* Iterates over all threads that have not ended, in any order. NULL gives the first, and the
 * last gives NULL. */
Thread *thread_after(const Thread *thread);

/* The thread of a thread state, or NULL. */
Thread *thread_of(PyThreadState *ts);

/* The first of those whose thread states may have this address; the others follow by `next`. */
Thread *thread_first_near(PyThreadState *ts);

/* The threads that have not ended, each in a list by the address of its thread state. */
#define THREAD_BUCKETS 1024
extern Thread *thread_buckets[THREAD_BUCKETS];

/* Into the table of threads, and out of it. */
void thread_add(Thread *thread);
void thread_remove(Thread *thread);

/* How many are in it. */
Py_ssize_t thread_count(void);

static inline void
thread_release(Thread *thread)
{
    if (--thread->count == 0) {
        PyMem_Free(thread);
    }
}

HIDDEN_END

#endif
