/* The chunks of which data stacks are made.
 *
 * A thread maps 16 KiB for its first chunk, and unmaps it at its end. For a greenlet that would
 * cost microseconds, and a page or more of memory. So a greenlet begins with a small chunk
 * (blocks.h). What does not fit goes into further chunks, which the interpreter maps by its
 * arena allocator. A few chunks of that size are kept, so that a call across the end of a chunk
 * does not map and unmap memory each time (gh-142183). And so that greenlets are not suspended
 * with a mapped chunk again and again, the first chunk is as large as lately needed
 * (first_chunk.h). */
#ifndef SWITCHLIB_CHUNK_H
#define SWITCHLIB_CHUNK_H

#include <stddef.h>

/* DATA_STACK_CHUNK_SIZE in Python/pystate.c; on 3.15 _PY_... in Include/cpython/pystate.h */
#define MAPPED_BYTES ((size_t)16 * 1024)

/* Frees a further chunk, which the interpreter has allocated. */
void chunk_free_mapped(void *chunk, size_t size);

/* Puts the cache of the interpreter's chunks between the interpreter and its arena allocator.
 * Once a process. The function says whether the main interpreter runs in this thread. Any
 * interpreter calls it. */
void chunk_cache_install(int (*asks_for_main_interpreter)(void));

#endif
