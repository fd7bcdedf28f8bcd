#include "blocks.h"

#include "arena.h"

#include <stdint.h>

#define POOL_BYTES ((size_t)64 * 1024)
#define POOLS (ARENA_BYTES / POOL_BYTES)
#define HEAD_BYTES ((size_t)4096)   /* of the first pool: the arena's own */
#define GRAIN ((size_t)16)

/* The largest block; more is left to the object allocator. */
#define LARGE (POOL_BYTES - HEAD_BYTES)

/* SPARE_POOLS empty pools are kept even if little is in use, so that waves of some thousand
 * greenlets do not fault pages in. More than that is given back, GIVEN_BACK pools at a time, and
 * those first that have been empty longest. */
#define SPARE_POOLS 256
#define GIVEN_BACK 32

typedef struct Pool {
    struct Pool *next, *previous;   /* in a ring: with room, of one class; or empty */
    void *free;                     /* blocks that were given back; each leads to the next */
    unsigned used;
    unsigned begun;                 /* how many were ever given out; the rest was never touched */
    unsigned capacity;
    unsigned class;
    bool warm;                      /* it is empty, and its memory was not given back */
} Pool;

typedef struct Arena {
    unsigned used;                  /* pools that are not empty */
    Pool pools[POOLS];
} Arena;

_Static_assert(sizeof(Arena) <= HEAD_BYTES, "an arena's head fits into what is set aside for it");

/* The sizes of blocks, from the largest on. A small block wastes a thirtieth on average; what a
 * large one wastes is not touched. */
#define CLASSES 96
static unsigned short class_bytes[CLASSES];
static unsigned char class_of[LARGE / GRAIN + 1];

static Pool with_room[CLASSES];     /* heads of rings */
static Pool warm, cold;
static long used_pools, warm_pools;

static void
put_in(Pool *head, Pool *pool)
{
    pool->next = head->next;
    pool->previous = head;
    head->next->previous = pool;
    head->next = pool;
}

static void
take_out(Pool *pool)
{
    pool->previous->next = pool->next;
    pool->next->previous = pool->previous;
}

void
blocks_install(void)
{
    size_t class = 0, bytes = 0;
    class_bytes[class++] = LARGE;
    for (size_t blocks = 2; blocks <= POOL_BYTES / BLOCK_SMALL; blocks += blocks < 64 ? 1 : 2) {
        class_bytes[class++] = (unsigned short)(POOL_BYTES / blocks / GRAIN * GRAIN);
    }
    assert(class == CLASSES);
    while (class-- > 0) {
        for (; bytes <= class_bytes[class]; bytes += GRAIN) {
            class_of[bytes / GRAIN] = (unsigned char)class;
        }
        with_room[class].next = with_room[class].previous = &with_room[class];
    }
    warm.next = warm.previous = &warm;
    cold.next = cold.previous = &cold;
}

static Arena *
arena_of(const void *address)
{
    return (Arena *)((uintptr_t)address & ~(uintptr_t)(ARENA_BYTES - 1));
}

static char *
memory_of(const Pool *pool)
{
    Arena *arena = arena_of(pool);
    size_t index = (size_t)(pool - arena->pools);
    return (char *)arena + (index == 0 ? HEAD_BYTES : index * POOL_BYTES);
}

static size_t
bytes_of(const Pool *pool)
{
    return pool == arena_of(pool)->pools ? POOL_BYTES - HEAD_BYTES : POOL_BYTES;
}

static bool
more_pools(void)
{
    Arena *arena = arena_map();
    if (arena == NULL) {
        return false;
    }
    arena->used = 0;
    for (size_t i = POOLS; i-- > 0;) {
        arena->pools[i].warm = false;
        put_in(&cold, &arena->pools[i]);
    }
    return true;
}

/* A pool for blocks of this class, all of them free. NULL if there is no memory. */
static Pool *
pool_take(unsigned class)
{
    if (warm.next == &warm && cold.next == &cold && !more_pools()) {
        return NULL;
    }
    Pool *pool = warm.next != &warm ? warm.next : cold.next;
    take_out(pool);
    warm_pools -= pool->warm;
    used_pools++;
    arena_of(pool)->used++;
    pool->class = class;
    pool->capacity = (unsigned)(bytes_of(pool) / class_bytes[class]);
    pool->free = NULL;
    pool->used = pool->begun = 0;
    put_in(&with_room[class], pool);
    return pool;
}

static void
give_back_warm(long most)
{
    while (warm_pools > most) {
        Pool *pool = warm.previous;
        Arena *arena = arena_of(pool);
        if (arena->used == 0) {
            for (size_t i = 0; i < POOLS; i++) {
                warm_pools -= arena->pools[i].warm;
                take_out(&arena->pools[i]);
            }
            arena_unmap(arena);
            continue;
        }
        take_out(pool);
        warm_pools--;
        pool->warm = false;
        put_in(&cold, pool);
        arena_give_back(memory_of(pool), bytes_of(pool));
    }
}

void *
block_alloc_large(size_t size)
{
    if (size > LARGE) {
        return PyObject_Malloc(size);
    }
    unsigned class = class_of[(size + GRAIN - 1) / GRAIN];
    Pool *pool = with_room[class].next;
    if (pool == &with_room[class]) {
        pool = pool_take(class);
        if (pool == NULL) {
            return NULL;
        }
    }
    void *block = pool->free;
    if (block != NULL) {
        pool->free = *(void **)block;
    }
    else {
        block = memory_of(pool) + (size_t)pool->begun++ * class_bytes[class];
    }
    if (++pool->used == pool->capacity) {
        take_out(pool);
    }
    return block;
}

void
block_free_large(void *block, size_t size)
{
    if (size > LARGE || block == NULL) {
        PyObject_Free(block);
        return;
    }
    Arena *arena = arena_of(block);
    Pool *pool = &arena->pools[((uintptr_t)block - (uintptr_t)arena) / POOL_BYTES];
    *(void **)block = pool->free;
    pool->free = block;
    if (pool->used-- == pool->capacity) {
        put_in(&with_room[pool->class], pool);
    }
    if (pool->used == 0) {
        take_out(pool);
        pool->warm = true;
        put_in(&warm, pool);
        arena->used--;
        used_pools--;
        if (++warm_pools > used_pools + SPARE_POOLS) {
            give_back_warm(used_pools + SPARE_POOLS - GIVEN_BACK);
        }
    }
}
