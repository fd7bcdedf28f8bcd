#include "chunk.h"

#include "arena.h"

#include <Python.h>
#include <stdbool.h>

#define CACHED 16

static PyObjectArenaAllocator mapped;       /* what was installed before */
static int (*in_main_interpreter)(void);
static void *cache[CACHED];                 /* NULL where there is none */

/* From CPython 3.12 on several threads may call these at the same time: those of subinterpreters
 * with a GIL of their own (PEP 684), and a thread that deletes the state of another, whose data
 * stack is freed without a GIL. So each place is taken and filled in one atomic step. */

static void *
cache_take(void)
{
    for (int i = 0; i < CACHED; i++) {
        if (__atomic_load_n(&cache[i], __ATOMIC_RELAXED) != NULL) {
            void *chunk = __atomic_exchange_n(&cache[i], NULL, __ATOMIC_ACQUIRE);
            if (chunk != NULL) {
                return chunk;
            }
        }
    }
    return NULL;
}

static bool
cache_put(void *chunk)
{
    for (int i = 0; i < CACHED; i++) {
        void *empty = NULL;
        if (__atomic_load_n(&cache[i], __ATOMIC_RELAXED) == NULL
            && __atomic_compare_exchange_n(&cache[i], &empty, chunk, false,
                                           __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
            return true;
        }
    }
    return false;
}

static void *
cache_alloc(void *ctx, size_t size)
{
    void *memory = NULL;
    if (size == MAPPED_BYTES) {
        memory = cache_take();
    }
    else if (size == ARENA_BYTES && in_main_interpreter()) {
        memory = arena_map_huge();  /* for the threads of one GIL: it has no lock of its own */
    }
    return memory != NULL ? memory : mapped.alloc(ctx, size);
}

static void
cache_free(void *ctx, void *memory, size_t size)
{
    if (size == ARENA_BYTES && arena_is_huge(memory)) {
        arena_unmap(memory);
    }
    else if (size != MAPPED_BYTES || !cache_put(memory)) {
        mapped.free(ctx, memory, size);
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
chunk_cache_install(int (*asks_for_main_interpreter)(void))
{
    in_main_interpreter = asks_for_main_interpreter;
    PyObject_GetArenaAllocator(&mapped);
    PyObjectArenaAllocator ours = {mapped.ctx, cache_alloc, cache_free};
    PyObject_SetArenaAllocator(&ours);
}
