#include "chunk.h"

/* DATA_STACK_CHUNK_SIZE in Python/pystate.c */
#define MAPPED_BYTES ((size_t)16 * 1024)
#define CACHED 16

static PyObjectArenaAllocator mapped;       /* what was installed before */
static void *cache[CACHED];
static int cached;

/* The interpreter calls these with the GIL held, as it does for its own arenas. */

static void *
cache_alloc(void *ctx, size_t size)
{
    if (size == MAPPED_BYTES && cached > 0) {
        return cache[--cached];
    }
    return mapped.alloc(ctx, size);
}

static void
cache_free(void *ctx, void *chunk, size_t size)
{
    if (size == MAPPED_BYTES && cached < CACHED) {
        cache[cached++] = chunk;
        return;
    }
    mapped.free(ctx, chunk, size);
}

void
chunk_free_mapped(void *chunk, size_t size)
{
    PyObjectArenaAllocator arena;
    PyObject_GetArenaAllocator(&arena);
    arena.free(arena.ctx, chunk, size);
}

void
chunk_cache_install(void)
{
    PyObject_GetArenaAllocator(&mapped);
    PyObjectArenaAllocator ours = {mapped.ctx, cache_alloc, cache_free};
    PyObject_SetArenaAllocator(&ours);
}
