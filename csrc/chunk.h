/* Data-stack chunks for greenlets.
 *
 * From CPython 3.11 on Python frames live on a data stack of chunks. A thread maps 16 KiB for its first one
 * and unmaps it at its end; for a greenlet that would cost microseconds and a page or more of memory. Ours
 * begins with a small chunk out of the object allocator. What does not fit goes into further chunks, which
 * the interpreter maps by its arena allocator: so that a call across a chunk's end does not map and unmap
 * memory each time, a few chunks of that size are kept. */
#ifndef SWITCHLIB_CHUNK_H
#define SWITCHLIB_CHUNK_H

#include <Python.h>

/* Room for the frame of a small function, and for that of another that it calls. */
#define CHUNK_BYTES ((size_t)240)

/* A chunk of at least *size bytes; *size becomes what it has. NULL if there is no memory. */
static inline void *
chunk_alloc(size_t *size)
{
    if (*size < CHUNK_BYTES) {
        *size = CHUNK_BYTES;
    }
    return PyObject_Malloc(*size);
}

static inline void
chunk_free(void *chunk)
{
    PyObject_Free(chunk);
}

/* Frees a further chunk, one that the interpreter allocated. */
void chunk_free_mapped(void *chunk, size_t size);

/* Puts the cache of the interpreter's own chunks between it and its arena allocator. Once a process. */
void chunk_cache_install(void);

#endif
