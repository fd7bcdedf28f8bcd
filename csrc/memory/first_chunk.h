/* The size of the first chunk of a greenlet's data stack: as large as greenlets with the same `run`
 * needed lately.
 *
 * What is learned is only a hint about memory. So it does not matter if another object gets the
 * address that serves as key. */
#ifndef SWITCHLIB_FIRST_CHUNK_H
#define SWITCHLIB_FIRST_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

/* Larger ones are not learned. */
#define FIRST_CHUNK_MOST ((size_t)64 * 1024)

/* The size in bytes that greenlets of this key (callee.h) needed lately; 0 if it is not known.
 * Sets `report` to whether this greenlet's use is to be reported when its stack is first left. */
size_t first_chunk_size(const void *key, bool *report);

/* Reports that this many bytes were in use when a stack was left. If `outgrown`, the first chunk
 * was too small for them. */
void first_chunk_used(const void *key, size_t size, bool outgrown);

#endif
