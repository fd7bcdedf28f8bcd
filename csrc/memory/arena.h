/* Arenas of 1 MiB, aligned, in huge pages if there are very many greenlets.
 *
 * A switch from one to another of 100,000 greenlets waits for page tables more than for memory.
 * An object, a frame and the copy of a stack lie in a page of 4 KiB each, and a processor's TLB
 * does not have entries for so many. Pages of 2 MiB make such a switch a third faster. The
 * interpreter's object allocator asks for arenas of 1 MiB and maps them one by one, so the
 * kernel cannot use a huge page. Here two arenas share one. */
#ifndef SWITCHLIB_ARENA_H
#define SWITCHLIB_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/* ARENA_SIZE in Objects/obmalloc.c, from CPython 3.12 on in Include/internal/pycore_obmalloc.h */
#define ARENA_BYTES ((size_t)1024 * 1024)

/* How many greenlets there are, suspended or not; the mechanism counts them. From
 * ARENA_GREENLETS on arenas lie in huge pages, since so many greenlets no longer fit into a
 * processor's caches. */
extern long arena_greenlets;
#define ARENA_GREENLETS 4096

/* An arena, in huge pages if there are many greenlets. Its memory is zero. NULL if there is no
 * memory. */
void *arena_map(void);
void arena_unmap(void *arena);

/* The same, but NULL if the arena would not lie in huge pages: with few greenlets, on 32 bits,
 * and on systems other than Linux. */
void *arena_map_huge(void);

/* Whether it comes from arena_map_huge. For an arena that does not, this may be called without a
 * GIL. */
bool arena_is_huge(const void *arena);

/* Gives those pages back to the system that lie wholly in this part of an arena. They are zero
 * when used again. */
void arena_give_back(void *part, size_t size);

#endif
