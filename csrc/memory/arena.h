/* Arenas of 1 MiB, aligned, in huge pages where there are very many greenlets.
 *
 * A switch from one to another of 100,000 greenlets waits for the tables of pages more than for the
 * memory: an object, a frame and the copy of a stack lie in pages of 4 KiB each, more than a
 * processor's TLB has entries for. Pages of 2 MiB take a third off such a switch. The interpreter's
 * object allocator asks for arenas of 1 MiB and maps them one by one, so that the kernel cannot use
 * a huge page; two of ours share one. */
#ifndef SWITCHLIB_ARENA_H
#define SWITCHLIB_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/* ARENA_SIZE in Objects/obmalloc.c, from CPython 3.12 on in Include/internal/pycore_obmalloc.h */
#define ARENA_BYTES ((size_t)1024 * 1024)

/* How many greenlets there are, suspended or not: the mechanism counts them. From ARENA_GREENLETS
 * on arenas are in huge pages, since so many are no longer in a processor's caches. */
extern long arena_greenlets;
#define ARENA_GREENLETS 4096

/* An arena, in huge pages if there are many greenlets; its memory is zero. NULL without memory. */
void *arena_map(void);
void arena_unmap(void *arena);

/* As arena_map, but NULL if it is not to be in huge pages: with few greenlets, on 32 bits, on other
 * systems than Linux. */
void *arena_map_huge(void);

/* Whether it comes from arena_map_huge. If it does not, this may be called without a GIL. */
bool arena_is_huge(const void *arena);

/* Gives the whole pages in a part of an arena back to the system: they are zero when used again. */
void arena_give_back(void *part, size_t size);

#endif
