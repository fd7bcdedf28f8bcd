/* The registry: all greenlets, in a list for each thread. A greenlet is in the list of the thread
 * in which it runs, or was created while it is unstarted. Those of ended threads are in one list.
 *
 * Readers in other processes follow these lists (debug_offsets.h), and may stop this process at
 * any instruction. So each `next` leads to a greenlet that is in the list, at all times. */
#ifndef SWITCHLIB_REGISTRY_H
#define SWITCHLIB_REGISTRY_H

#include "greenlet.h"

HIDDEN_BEGIN

extern Greenlet *of_ended_threads;

static inline void
registry_add(Greenlet **list, Greenlet *g)
{
    State *state = g->state;
    Greenlet *first = *list;
    state->next_listed = first;
    if (first != NULL) {
        first->state->link = &state->next_listed;
    }
    state->link = list;
    TSTATE_IN_ORDER;
    *list = g;
}

static inline void
registry_remove(const State *state)
{
    *state->link = state->next_listed;
    if (state->next_listed != NULL) {
        state->next_listed->state->link = state->link;
    }
}

/* Moves all that is in a list into that of ended threads, and leaves it empty. */
void registry_end_list(Greenlet **list);

HIDDEN_END

#endif
