/* The stack layer: suspended slices of a C stack, in plain C. It knows nothing of Python.
 *
 * Several slices share one stretch of C stack. Only the running one is sure to lie there whole; a suspended
 * one keeps whatever part another has needed since in the heap. The stack grows downwards:
 *
 *              ...
 *     stop  |________|   far end: the owner does not own this byte, nor any above it
 *           |        |
 *           |        |   still on the C stack
 *           |________|
 *           |        |          _________
 *           |        |   ==>   |         |   saved bytes in the heap, the near end first,
 *     start |________|         |_________|   since the near end is what others overwrite
 *              ...
 *
 * `prev` leads to the slice that owns the stack just above: the chain of previous owners, whose stops rise
 * strictly, so that whoever needs room finds everybody in its way by walking it.
 */
#ifndef SWITCHLIB_STACK_H
#define SWITCHLIB_STACK_H

#include <stddef.h>

typedef struct stack_slice {
    char *start;                /* NULL unless suspended */
    char *stop;                 /* NULL until it began; STACK_END for the stack's first owner */
    char *copy;                 /* the saved bytes */
    size_t saved;               /* how many there are */
    size_t capacity;            /* how many fit */
    struct stack_slice *prev;
} stack_slice;

#define STACK_END ((char *)-1)

/* `current`, whose start the caller has set (or left NULL if it will never run again), makes room for
 * `target` to be restored: all bytes below target's stop that belong to others go to the heap.
 * Returns 0, or -1 if there was no memory: then every slice is as valid as before, and current runs on. */
int stack_save(stack_slice *current, const stack_slice *target);

/* Puts target's saved bytes back and makes it the running slice. Call it on target's stack pointer, after a
 * stack_save that succeeded. Its heap buffer stays with it for its next suspension. */
void stack_restore(stack_slice *target, const stack_slice *current);

/* `fresh` becomes the running slice, on the stack below `sp`, where current was suspended. */
void stack_begin(stack_slice *fresh, char *sp, const stack_slice *current);

/* Frees the heap buffer of a slice that will never be restored. */
void stack_forget(stack_slice *slice);

/* Buffers in the heap, and their bytes. */
typedef struct stack_statistics {
    long long buffers;
    long long bytes;
} stack_statistics;
extern stack_statistics stack_counts;

/* For tests: let the k-th allocation from now on fail (1 is the next one); 0 ends it. */
extern long stack_fail_allocation;

#endif
