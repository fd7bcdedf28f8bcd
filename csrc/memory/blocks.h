/* Memory for what suspended greenlets need: copies of stacks, and first chunks of data stacks.
 *
 * Small blocks are the object allocator's. That would ask the C library for larger ones. The C
 * library keeps what lies between two blocks in use, so after a peak next to nothing goes back
 * to the system. Here, as in the object allocator, an arena of 1 MiB consists of pools of 64
 * KiB, and a pool of blocks of one size. Empty pools keep at most as much memory as is in use,
 * and a little more. */
#ifndef SWITCHLIB_BLOCKS_H
#define SWITCHLIB_BLOCKS_H

#include <Python.h>

/* Call it before the others, once a process. */
void blocks_install(void);

/* The object allocator's own limit: SMALL_REQUEST_THRESHOLD, in the same file as ARENA_SIZE. */
#define BLOCK_SMALL ((size_t)512)

void *block_alloc_large(size_t size);
void block_free_large(void *block, size_t size);

/* NULL if there is no memory. The caller holds the GIL of the main interpreter. The block is
 * aligned like what PyObject_Malloc returns. */
static inline void *
block_alloc(size_t size)
{
    return size <= BLOCK_SMALL ? PyObject_Malloc(size) : block_alloc_large(size);
}

/* `size` is the size that was asked for. `block` may be NULL. */
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
