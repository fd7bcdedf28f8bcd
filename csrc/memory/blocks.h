/* Memory for what greenlets are suspended with: copies of stacks, first chunks of data stacks.
 *
 * Small blocks are the object allocator's. It would ask the C library for larger ones, which keeps
 * what lies between two others: after a peak, next to nothing goes back to the system. Here, as in
 * the object allocator, an arena of 1 MiB is made of pools of 64 KiB, and a pool of blocks of one
 * size. At most as much memory is kept in empty pools as is in use, and a little more. */
#ifndef SWITCHLIB_BLOCKS_H
#define SWITCHLIB_BLOCKS_H

#include <Python.h>

/* Comes first. Once a process. */
void blocks_install(void);

/* The object allocator's own limit: SMALL_REQUEST_THRESHOLD, in the same file as ARENA_SIZE. */
#define BLOCK_SMALL ((size_t)512)

void *block_alloc_large(size_t size);
void block_free_large(void *block, size_t size);

/* NULL if there is no memory. The GIL of the main interpreter is held. Aligned like what
 * PyObject_Malloc returns. */
static inline void *
block_alloc(size_t size)
{
    return size <= BLOCK_SMALL ? PyObject_Malloc(size) : block_alloc_large(size);
}

/* With the size that it was asked for. NULL is allowed. */
static inline void
block_free(void *block, size_t size)
{
    if (size <= BLOCK_SMALL) {
        PyObject_Free(block);
    }
    else {
        block_free_large(block, size);
    }
}

#endif
