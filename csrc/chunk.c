#include "chunk.h"

#include "arena.h"

#include <Python.h>

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
    void *arena = size == ARENA_BYTES && arena_greenlets >= ARENA_GREENLETS ? arena_alloc() : NULL;
    return arena != NULL ? arena : mapped.alloc(ctx, size);
}

static void
cache_free(void *ctx, void *chunk, size_t size)
{
    if (size == MAPPED_BYTES && cached < CACHED) {
        cache[cached++] = chunk;
    }
    else if (arena_is_ours(chunk)) {
        arena_free(chunk);
    }
    else {
        mapped.free(ctx, chunk, size);
    }
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

/* What was learned, by the code's address: a hint, so that it does not matter if another code object gets it, or
 * another's entry. It is forgotten after some uses, and learned again if it still holds. */
#define LEARNED 256
#define USES 64
#define MOST_BYTES ((size_t)8 * 1024)

static struct lesson {
    const void *code;
    size_t size;
    int uses;
} lessons[LEARNED];

static struct lesson *
lesson_of(const void *code)
{
    return &lessons[((uintptr_t)code >> 5) % LEARNED];
}

size_t
chunk_size_learned(const void *code)
{
    struct lesson *lesson = lesson_of(code);
    if (lesson->code != code) {
        return 0;
    }
    if (--lesson->uses == 0) {
        lesson->code = NULL;
    }
    return lesson->size;
}

void
chunk_size_learn(const void *code, size_t size)
{
    if (size <= MOST_BYTES) {
        *lesson_of(code) = (struct lesson){code, size, USES};
    }
}
