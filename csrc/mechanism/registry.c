#include "registry.h"

Greenlet *of_ended_threads;

void
registry_end_list(Greenlet **list)
{
    Greenlet **end = list;
    while (*end != NULL) {
        end = &(*end)->state->next_listed;
    }
    Greenlet *first = *list;
    if (first == NULL) {
        return;
    }
    *end = of_ended_threads;
    if (of_ended_threads != NULL) {
        of_ended_threads->state->link = end;
    }
    first->state->link = &of_ended_threads;
    TSTATE_IN_ORDER;
    of_ended_threads = first;
    *list = NULL;
}
