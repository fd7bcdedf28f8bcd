/* Generators that run in suspended greenlets, during a collection.
 *
 * If the collector finds such a greenlet unreachable, it finds the generators that run in it,
 * too, and would call their finalisers. The finaliser of a generator closes it, which is
 * impossible while it runs. The finaliser of a coroutine or of an asynchronous generator may do
 * anything else. So all of them are marked as finalised until the collection is over, or until
 * their greenlet resumes. While there are marks no thread takes shortcuts. */
#ifndef SWITCHLIB_MARKS_H
#define SWITCHLIB_MARKS_H

#include "thread.h"

HIDDEN_BEGIN

/* Marks the generators that run in a suspended greenlet, if a collection is under way. Returns
 * whether the collector may see its frames: not if there is no memory to record the marks. Runs
 * nothing. */
bool mark_generators(Greenlet *g);

/* Takes the marks off again, of one or of all. Runs nothing. */
void unmark_generators(Greenlet *g);
void unmark_all_generators(void);

/* Marks them for ever: the greenlet can never run again, and they cannot be closed. */
void seal_generators(Greenlet *g);

HIDDEN_END

#endif
