#include "arena.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

long arena_greenlets;

static void *
map(void *where, size_t size, int protection, int flags)
{
    void *start = mmap(where, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

/* A stretch of addresses that begins at a multiple of `alignment`. */
static char *
map_aligned(size_t size, size_t alignment, int protection, int flags)
{
    char *start = map(NULL, size + alignment, protection, flags);
    if (start == NULL) {
        return NULL;
    }
    size_t before = -(uintptr_t)start & (alignment - 1);
    if (before != 0) {
        munmap(start, before);
    }
    munmap(start + before + size, alignment - before);
    return start + before;
}

/* Huge pages are a matter of Linux; and addresses cost nothing only where there are many. */
#if defined(MADV_HUGEPAGE) && UINTPTR_MAX > 0xffffffff

#define PAIR_BYTES (2 * ARENA_BYTES)

/* Pairs of arenas lie in stretches of addresses, so that it is plain which arenas are ours. The first stretch has as many
 * pairs as the second, and each one further as many as all before it: addresses are reserved for at most twice what was once
 * in use. */
#define STRETCHES 12
#define FIRST_PAIRS ((size_t)4)

static struct {
    char *start;                    /* NULL if it is not mapped */
    size_t used;                    /* arenas */
} stretches[STRETCHES];
static unsigned char used[FIRST_PAIRS << (STRETCHES - 1)];      /* of each pair, a bit for each of the two */
static size_t lowest;               /* no pair before it has a free arena */

static size_t
first_pair(size_t stretch)
{
    return stretch == 0 ? 0 : FIRST_PAIRS << (stretch - 1);
}

static size_t
pairs_of(size_t stretch)
{
    return stretch == 0 ? FIRST_PAIRS : first_pair(stretch);
}

static size_t
stretch_of_pair(size_t pair)
{
    size_t stretch = 0;
    while (pair >= first_pair(stretch) + pairs_of(stretch)) {
        stretch++;
    }
    return stretch;
}

/* STRETCHES if none of ours has it. */
static size_t
stretch_of(const void *address)
{
    size_t stretch = 0;
    while (stretch < STRETCHES
           && (stretches[stretch].start == NULL
               || (uintptr_t)address - (uintptr_t)stretches[stretch].start >= pairs_of(stretch) * PAIR_BYTES)) {
        stretch++;
    }
    return stretch;
}

static char *
start_of_pair(void *address, size_t *pair)
{
    size_t stretch = stretch_of(address);
    char *start = stretches[stretch].start;
    *pair = first_pair(stretch) + (size_t)((char *)address - start) / PAIR_BYTES;
    return start + (*pair - first_pair(stretch)) * PAIR_BYTES;
}

static bool
addresses_are_limited(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

void *
arena_map_huge(void)
{
    if (arena_greenlets < ARENA_GREENLETS || addresses_are_limited()) {
        return NULL;
    }
    while (lowest < sizeof used && used[lowest] == 3) {
        lowest++;
    }
    if (lowest == sizeof used) {
        return NULL;
    }
    size_t stretch = stretch_of_pair(lowest);
    char **reserved = &stretches[stretch].start;
    if (*reserved == NULL) {
        *reserved = map_aligned(pairs_of(stretch) * PAIR_BYTES, PAIR_BYTES, PROT_NONE, MAP_NORESERVE);
        if (*reserved == NULL) {
            return NULL;
        }
    }
    char *start = *reserved + (lowest - first_pair(stretch)) * PAIR_BYTES;
    if (used[lowest] == 0 && mprotect(start, PAIR_BYTES, PROT_READ | PROT_WRITE) != 0) {
        return NULL;
    }
    madvise(start, PAIR_BYTES, MADV_HUGEPAGE);      /* where there are none it is an arena all the same */
    int second = used[lowest] & 1;
    used[lowest] |= (unsigned char)(1 << second);
    stretches[stretch].used++;
    return start + (second ? ARENA_BYTES : 0);
}

bool
arena_is_huge(const void *arena)
{
    return stretch_of(arena) < STRETCHES;
}

static void
unmap_huge(void *arena)
{
    size_t pair, stretch = stretch_of(arena);
    char *start = start_of_pair(arena, &pair);
    used[pair] &= (unsigned char)~(1 << (arena != start));
    lowest = pair < lowest ? pair : lowest;
    if (--stretches[stretch].used == 0) {
        munmap(stretches[stretch].start, pairs_of(stretch) * PAIR_BYTES);
        stretches[stretch].start = NULL;
    }
    /* A pair is mapped anew: what was once taken apart would not become a huge page again when it is first used. */
    else if (used[pair] != 0 || map(start, PAIR_BYTES, PROT_NONE, MAP_NORESERVE | MAP_FIXED) == NULL) {
        arena_give_back(arena, ARENA_BYTES);
    }
}

void
arena_give_back(void *part, size_t size)
{
    if (arena_is_huge(part)) {
        /* Else the kernel would in time make a huge page of the rest, with all the memory given back here. */
        size_t pair;
        madvise(start_of_pair(part, &pair), PAIR_BYTES, MADV_NOHUGEPAGE);
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
    return arena != NULL ? arena : map_aligned(ARENA_BYTES, ARENA_BYTES, PROT_READ | PROT_WRITE, 0);
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
