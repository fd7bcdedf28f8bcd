/* Arenas in huge pages, for programs with very many greenlets.
 *
 * Who goes from one to another of 100,000 greenlets waits for the tables of pages more than for the memory: an object,
 * a frame and the copy of a stack lie in pages of 4 KiB each, and no processor keeps that many in mind. Pages of 2 MiB
 * take a third off such a switch. The interpreter's object allocator asks for arenas of 1 MiB and maps them one by
 * one, so that the kernel cannot use a huge page; two of ours share one. */
#ifndef SWITCHLIB_ARENA_H
#define SWITCHLIB_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/* ARENA_SIZE in Objects/obmalloc.c */
#define ARENA_BYTES ((size_t)1024 * 1024)

/* How many greenlets there are, suspended or not. So many are no longer in a processor's caches. */
extern long arena_greenlets;
#define ARENA_GREENLETS 4096

/* NULL if there is none to be had: on 32 bits, on other systems than Linux, without memory. */
void *arena_alloc(void);

bool arena_is_ours(const void *arena);
void arena_free(void *arena);

#endif
