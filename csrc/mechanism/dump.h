/* Writes the stacks of all greenlets from a signal handler. The GIL need not be held, and other
 * threads may run meanwhile. */
#ifndef SWITCHLIB_DUMP_H
#define SWITCHLIB_DUMP_H

#include "output.h"
#include "thread.h"

HIDDEN_BEGIN

/* Lists that change while they are followed may never end. */
#define MOST_THREADS 10000
#define MOST_GREENLETS 10000

/* Writes to a file descriptor. Async-signal-safe: allocates nothing, waits for no lock. */
void dump_all(int fd);

/* A stack, from this frame outwards. */
void put_frames(Output *out, const void *frame);

HIDDEN_END

#endif
