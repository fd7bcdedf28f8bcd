#include "arena.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

long arena_greenlets;

/* Memory that begins at a multiple of `alignment`. */
static char *
map_aligned(size_t size, size_t alignment)
{
    char *start = mmap(NULL, size + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
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

/* Huge pages are a matter of Linux, and of address spaces in which two arenas in a row can be had. */
#if defined(MADV_HUGEPAGE) && UINTPTR_MAX > 0xffffffff

#define PAIR_BYTES (2 * ARENA_BYTES)
#define PAIRS ((size_t)8192)

/* The pages in which arenas lie two by two, by address, so that it is plain which arenas are ours. */
static struct Pair {
    char *start;
    unsigned used;                  /* a bit for each of the two */
} pairs[PAIRS];
static size_t count;

/* The index of the first pair that ends behind the address. */
static size_t
search(const void *address)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((uintptr_t)pairs[middle].start + PAIR_BYTES <= (uintptr_t)address) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

/* NULL if it lies in none of ours. */
static struct Pair *
pair_of(const void *address)
{
    struct Pair *pair = &pairs[search(address)];
    return pair < pairs + count && (uintptr_t)pair->start <= (uintptr_t)address ? pair : NULL;
}

static struct Pair *
pair_map(void)
{
    char *start = count == PAIRS ? NULL : map_aligned(PAIR_BYTES, PAIR_BYTES);
    if (start == NULL) {
        return NULL;
    }
    struct Pair *pair = &pairs[search(start)];
    memmove(pair + 1, pair, (size_t)(pairs + count++ - pair) * sizeof *pair);
    *pair = (struct Pair){start, 0};
    return pair;
}

static void
pair_unmap(struct Pair *pair)
{
    munmap(pair->start, PAIR_BYTES);
    memmove(pair, pair + 1, (size_t)(pairs + --count - pair) * sizeof *pair);
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
    if (pair == pairs + count && (pair = pair_map()) == NULL) {
        return NULL;
    }
    madvise(pair->start, PAIR_BYTES, MADV_HUGEPAGE);    /* where there are none it is an arena all the same */
    unsigned half = pair->used & 1;
    pair->used |= 1u << half;
    return pair->start + half * ARENA_BYTES;
}

bool
arena_is_huge(const void *arena)
{
    return pair_of(arena) != NULL;
}

static void
unmap_huge(void *arena)
{
    struct Pair *pair = pair_of(arena);
    pair->used &= ~(1u << (arena != pair->start));
    if (pair->used == 0) {
        pair_unmap(pair);
    }
    else {
        arena_give_back(arena, ARENA_BYTES);
    }
}

void
arena_give_back(void *part, size_t size)
{
    struct Pair *pair = pair_of(part);
    if (pair != NULL) {
        /* Else the kernel would in time make a huge page of the rest, with all the memory given back here. */
        madvise(pair->start, PAIR_BYTES, MADV_NOHUGEPAGE);
    }
    madvise(part, size, MADV_DONTNEED);
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

static void
unmap_huge(void *arena)
{
    (void)arena;
}

void
arena_give_back(void *part, size_t size)
{
    madvise(part, size, MADV_DONTNEED);
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
    if (arena_is_huge(arena)) {
        unmap_huge(arena);
    }
    else {
        munmap(arena, ARENA_BYTES);
    }
}
