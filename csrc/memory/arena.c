#include "arena.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

long arena_greenlets;

/* Memory that begins at a multiple of `alignment`. */
static char *
map_aligned(size_t size, size_t alignment)
{
    char *start = mmap(NULL, size + alignment, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
        return NULL;
    }
    size_t before = -(uintptr_t)start & (alignment - 1);
    if (before != 0) {
        munmap(start, before);
    }
    munmap(start + before + size, alignment - before);
    return start + before;
}

/* Gives back the pages that lie wholly in this part. */
static void
give_back_pages(char *part, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = -(uintptr_t)part & (page - 1);
    if (size > before) {
        madvise(part + before, (size - before) & ~(page - 1), MADV_DONTNEED);
    }
}

/* Huge pages are for Linux, and for address spaces with enough room for two arenas in a row. */
#if defined(MADV_HUGEPAGE) && UINTPTR_MAX > 0xffffffff

#define PAIR_BYTES (2 * ARENA_BYTES)
#define PAIRS ((size_t)8192)

/* The huge pages in which arenas lie two by two. By this table an arena is known to be ours. It
 * is changed under the main interpreter's GIL only, but read at any time (chunk.c), by threads
 * whose memory is in none of these pages. So an entry never moves. */
static struct Pair {
    char *start;                    /* NULL if there is none */
    unsigned used;                  /* a bit for each of the two */
} pairs[PAIRS];
static size_t count;                /* of the entries that were ever in use */

/* NULL if the arena is not ours. */
static struct Pair *
pair_of(const void *address)
{
    char *start = (char *)((uintptr_t)address & ~(uintptr_t)(PAIR_BYTES - 1));
    size_t last = __atomic_load_n(&count, __ATOMIC_ACQUIRE);
    for (size_t i = 0; i < last; i++) {
        if (__atomic_load_n(&pairs[i].start, __ATOMIC_RELAXED) == start) {
            return &pairs[i];
        }
    }
    return NULL;
}

static bool
pair_map(struct Pair *pair)
{
    char *start = map_aligned(PAIR_BYTES, PAIR_BYTES);
    if (start != NULL) {
        __atomic_store_n(&pair->start, start, __ATOMIC_RELAXED);
        if (pair == pairs + count) {
            __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
        }
    }
    return start != NULL;
}

static void
pair_unmap(struct Pair *pair)
{
    char *start = pair->start;
    __atomic_store_n(&pair->start, NULL, __ATOMIC_SEQ_CST);
    munmap(start, PAIR_BYTES);
}

void *
arena_map_huge(void)
{
    if (arena_greenlets < ARENA_GREENLETS) {
        return NULL;
    }
    struct Pair *pair = pairs;
    while (pair < pairs + count && pair->used == 3) {
        pair++;
    }
    if (pair == pairs + PAIRS || (pair->used == 0 && !pair_map(pair))) {
        return NULL;
    }
    madvise(pair->start, PAIR_BYTES, MADV_HUGEPAGE);    /* without any, it is still an arena */
    unsigned half = pair->used & 1;
    pair->used |= 1u << half;
    return pair->start + half * ARENA_BYTES;
}

bool
arena_is_huge(const void *arena)
{
    return pair_of(arena) != NULL;
}

/* Returns false if the arena is not ours. */
static bool
unmap_huge(void *arena)
{
    struct Pair *pair = pair_of(arena);
    if (pair == NULL) {
        return false;
    }
    pair->used &= ~(1u << (arena != pair->start));
    if (pair->used == 0) {
        pair_unmap(pair);
    }
    else {
        arena_give_back(arena, ARENA_BYTES);
    }
    return true;
}

void
arena_give_back(void *part, size_t size)
{
    struct Pair *pair = pair_of(part);
    if (pair != NULL) {
        /* Otherwise the kernel would later make a huge page of the rest, and this part would be
         * resident again. */
        madvise(pair->start, PAIR_BYTES, MADV_NOHUGEPAGE);
    }
    give_back_pages(part, size);
}

#else

void *
arena_map_huge(void)
{
    return NULL;
}

bool
arena_is_huge(const void *arena)
{
    (void)arena;
    return false;
}

static bool
unmap_huge(void *arena)
{
    (void)arena;
    return false;
}

void
arena_give_back(void *part, size_t size)
{
    give_back_pages(part, size);
}

#endif

void *
arena_map(void)
{
    void *arena = arena_map_huge();
    return arena != NULL ? arena : map_aligned(ARENA_BYTES, ARENA_BYTES);
}

void
arena_unmap(void *arena)
{
    if (!unmap_huge(arena)) {
        munmap(arena, ARENA_BYTES);
    }
}
