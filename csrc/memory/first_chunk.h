/* How large the first chunk of a greenlet's data stack is made: as large as greenlets that run the
 * same needed lately.
 *
 * What is learned is a hint about memory only. So it does not matter if another object gets the
 * address that serves as key. */
#ifndef SWITCHLIB_FIRST_CHUNK_H
#define SWITCHLIB_FIRST_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

/* Larger ones are not learned. */
#define FIRST_CHUNK_MOST ((size_t)64 * 1024)

/* The size that greenlets of this key (callee.h) needed lately, in bytes, 0 if that is not known;
 * and whether to report this one's use when its stack is first left. */
size_t first_chunk_size(const void *key, bool *report);

/* Reports that so many bytes were in use when a stack was left; if `outgrown`, its first chunk was
 * too small for them. */
void first_chunk_used(const void *key, size_t size, bool outgrown);

#endif
