#include "arena.h"

#include <stdint.h>
#include <sys/mman.h>

long arena_greenlets;

/* Huge pages are a matter of Linux; and a stretch of addresses this long costs nothing only where there are many. */
#if defined(MADV_HUGEPAGE) && UINTPTR_MAX > 0xffffffff

#define PAIR_BYTES (2 * ARENA_BYTES)
#define PAIRS 8192

/* All pairs lie in one stretch of addresses, so that it is plain which arenas are ours. */
static char *stretch;
static unsigned char used[PAIRS];       /* a bit for each of the two */

static void *
map(void *where, size_t size, int protection, int flags)
{
    void *start = mmap(where, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

void *
arena_alloc(void)
{
    if (stretch == NULL) {
        char *start = map(NULL, (PAIRS + 1) * PAIR_BYTES, PROT_NONE, MAP_NORESERVE);
        if (start == NULL) {
            return NULL;
        }
        stretch = start + (-(uintptr_t)start & (PAIR_BYTES - 1));
    }
    size_t pair = 0;
    while (used[pair] == 3) {
        if (++pair == PAIRS) {
            return NULL;
        }
    }
    char *start = stretch + pair * PAIR_BYTES;
    if (used[pair] == 0 && mprotect(start, PAIR_BYTES, PROT_READ | PROT_WRITE) != 0) {
        return NULL;
    }
    madvise(start, PAIR_BYTES, MADV_HUGEPAGE);      /* where there are none it is an arena all the same */
    int second = used[pair] & 1;
    used[pair] |= (unsigned char)(1 << second);
    return start + (second ? ARENA_BYTES : 0);
}

bool
arena_is_ours(const void *arena)
{
    return stretch != NULL && (uintptr_t)arena - (uintptr_t)stretch < PAIRS * PAIR_BYTES;
}

void
arena_free(void *arena)
{
    size_t index = (size_t)((char *)arena - stretch) / ARENA_BYTES, pair = index / 2;
    char *start = stretch + pair * PAIR_BYTES;
    used[pair] &= (unsigned char)~(1 << index % 2);
    /* A pair is mapped anew: what was once taken apart would not become a huge page again when it is first used. */
    if (used[pair] != 0 || map(start, PAIR_BYTES, PROT_NONE, MAP_NORESERVE | MAP_FIXED) == NULL) {
        /* Else the kernel would in time make a huge page of the other half, with all the memory given back here. */
        madvise(start, PAIR_BYTES, MADV_NOHUGEPAGE);
        madvise(arena, ARENA_BYTES, MADV_DONTNEED);
    }
}

#else

void *
arena_alloc(void)
{
    return NULL;
}

bool
arena_is_ours(const void *arena)
{
    (void)arena;
    return false;
}

void
arena_free(void *arena)
{
    (void)arena;
}

#endif
