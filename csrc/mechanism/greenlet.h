/* What a greenlet is to the mechanism: an object, its state, its parents. */
#ifndef SWITCHLIB_GREENLET_H
#define SWITCHLIB_GREENLET_H

#include "common.h"

HIDDEN_BEGIN

struct Thread;

/* Zeroed memory is the state of a greenlet that is unstarted. */
typedef struct State {
    struct Thread *thread;          /* counted; NULL until the greenlet begins */
    stack_slice slice;
    tstate_slice tstate;
    struct Greenlet *parent;        /* owned; NULL for a main greenlet */
    PyObject *run;                  /* owned; NULL if there is none (any more) */
    struct Greenlet *next;          /* if it is to be killed: the next in its thread's list */
    struct Greenlet *victim;        /* borrowed: if it is killing, the one whose end it waits for */
    uint32_t timeline_slot;         /* if is_recorded: timeline.c */
    int16_t depth;                  /* in how many nested kills it is */
    bool is_separate : 1;           /* a block of memory of its own, not a part of the object's */
    bool is_recorded : 1;           /* the recorder knows it, and is told of its end */
    bool may_be_finalized_again : 1;    /* by the collector: can_be_finalized */
    bool is_marked : 1;             /* generators that run in it are marked: marks.h */
    struct Greenlet *next_listed;   /* borrowed: the next in its list, see registry.h, ... */
    struct Greenlet **link;         /* ... and where the list leads to this one */
} State;

/* The layout is that of `PyGreenlet` in greenlet.h: extensions built against greenlet subclass
 * it. */
typedef struct Greenlet {
    PyObject_HEAD
    PyObject *weakreflist;
    PyObject *dict;
    State *state;                   /* NULL only while the object is freed */
} Greenlet;

extern PyTypeObject *Base;          /* the type, */
extern PyTypeObject *Public;        /* and the policy class derived from it */

static inline bool
is_greenlet(PyObject *object)
{
    return Py_IS_TYPE(object, Public) || PyObject_TypeCheck(object, Base);
}

static inline bool
is_unstarted(const State *state)
{
    return state->thread == NULL;
}

/* Borrowed: the run, also after the start. NULL if there is none (any more). */
static inline PyObject *
begun_run(const State *state)
{
    PyObject *run = state->run;
    bool is_packed = run != NULL && !is_unstarted(state) && PyTuple_CheckExact(run);
    return is_packed ? PyTuple_GET_ITEM(run, 0) : run;      /* its arguments follow */
}

static inline bool
is_main(const Greenlet *g)
{
    return g->state->slice.stop == STACK_END;
}

/* A walk up the parents, from `walk_from` on. It ends even if they form a cycle, since no chain
 * is longer than the number of greenlets. */
typedef struct Walk {
    Greenlet *at;                   /* NULL at the end */
    long left;                      /* less than 0 if the parents form a cycle */
} Walk;

static inline Walk
walk_from(const Greenlet *g)
{
    return (Walk){(Greenlet *)g, arena_greenlets};
}

static inline void
walk_up(Walk *walk)
{
    walk->at = --walk->left < 0 ? NULL : walk->at->state->parent;
}

/* Stores a parent and owns it, or returns false if that would make a cycle. Drops the former
 * parent last, which may run anything. */
bool store_parent(Greenlet *self, Greenlet *parent);

/* Whether `ancestor` is the greenlet or one of its ancestors. Also true if the parents form a
 * cycle. */
bool descends_from(const Greenlet *g, const Greenlet *ancestor);

/* Gives a greenlet an empty dict, with which the interpreter finds `switch` faster. This may run
 * anything, which may set a dict first. If there is no memory there is no dict. */
void give_dict(Greenlet *self);

HIDDEN_END

#endif
