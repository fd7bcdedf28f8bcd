/* The stack layer: suspended slices of a C stack, in plain C. It knows nothing of Python.
 *
 * Several slices share one stretch of C stack. Only the running slice is sure to lie there whole.
 * If another slice needs the place of a suspended one, the part in the way moves to the heap. The
 * stack grows downwards:
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
 * `prev` leads to the slice that owns the stack just above, and so on: the chain of owners. Their
 * stops rise strictly, so a walk along the chain finds all slices that are in the way of another.
 *
 * The algorithm is greenlet's: stacks share one region, and are copied away only as far as they are
 * in the way of another. It came out of Stackless Python, and PyPy's stacklet has it, too. */
#ifndef SWITCHLIB_STACK_H
#define SWITCHLIB_STACK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct stack_slice {
    char *start;                /* NULL unless suspended */
    char *stop;                 /* NULL until it began; STACK_END for the stack's first owner */
    char *buffer;               /* where the saved bytes lie, see stack_copy_of */
    size_t saved;               /* how many there are */
    size_t capacity;            /* how many fit */
    struct stack_slice *prev;
} stack_slice;

#define STACK_END ((char *)-1)

/* Frees the heap buffer of a slice that will never be restored. */
void stack_forget(stack_slice *slice);

/* How many buffers are in the heap, their bytes, and how often the reserve was used. */
typedef struct stack_statistics {
    long long buffers;
    long long bytes;
    long long reserves_used;
} stack_statistics;
extern stack_statistics stack_counts;

/* The memory for copies: the C library's, unless a layer above sets another allocator. `free`
 * gets the size that was asked for. It accepts NULL. */
extern struct stack_memory {
    void *(*allocate)(size_t size);
    void (*free)(void *block, size_t size);
} stack_memory;

/* For tests: makes the k-th allocation from now on fail (1 is the next one), or with -1 all of
 * them. 0 ends it. */
extern long stack_fail_allocation;

/* Sets memory aside for slices that end. Nothing can return to such a slice, so what lies in the
 * way of the next one must be saved even when there is no memory. Call it before a stack begins.
 * Returns 0, or -1 if there was no memory. Since the memory is not written to, it takes up
 * addresses only. */
int stack_reserve(void);

/* Frees that memory, for the allocations that follow. -1 if there was none. */
int stack_use_reserve(void);

/* Gives the slice a buffer for `size` bytes. -1 if there was no memory: it is as it was. */
int stack_resize(stack_slice *slice, size_t size);

/* The rest is on the path of every switch. It is always inlined, which saves 2 of 38 ns. */
#define STACK_INLINE static inline __attribute__((always_inline))

/* A buffer is kept from one suspension to the next, unless it is more than twice as large as
 * needed: a million suspended greenlets must not each keep the deepest stack that they ever had. */
STACK_INLINE int
stack_fits(const stack_slice *slice, size_t size)
{
    return size <= slice->capacity && slice->capacity - size <= size;
}

/* From this many bytes on, the C library's memcpy may leave a copy to the processor (`rep
 * movsb`). That is a third faster if both places are at the same offset in a cache line. It is
 * ten times slower if they are not, and begin less than a line apart modulo 4 KiB (AMD Zen 3,
 * see docs/decisions.md). */
#define STACK_ALIGNED_BYTES ((size_t)2048)
#define STACK_LINE ((size_t)64)

/* Where the slice's bytes lie in its buffer. In a large buffer they are at the offset in a cache
 * line that they have on the stack. */
STACK_INLINE char *
stack_copy_of(const stack_slice *slice)
{
    size_t offset = ((uintptr_t)slice->start - (uintptr_t)slice->buffer) % STACK_LINE;
    return slice->buffer + (slice->capacity < STACK_ALIGNED_BYTES ? 0 : offset);
}

/* Saves the slice's near end, up to `stop`. */
STACK_INLINE int
stack_save_up_to(stack_slice *slice, const char *stop)
{
    size_t size = (size_t)(stop - slice->start);
    if (stop <= slice->start || size <= slice->saved) {
        return 0;
    }
    if (!stack_fits(slice, size) && stack_resize(slice, size) < 0) {
        return -1;
    }
    memcpy(stack_copy_of(slice) + slice->saved, slice->start + slice->saved, size - slice->saved);
    slice->saved = size;
    return 0;
}

/* The slice that owns the near end of the stack: current, unless it is never to run again. */
STACK_INLINE stack_slice *
stack_first_owner(const stack_slice *current)
{
    return current->start != NULL ? (stack_slice *)current : current->prev;
}

/* The owner above. Stops rise strictly. If they did not, the walk would end here, so that it
 * never goes round. */
STACK_INLINE stack_slice *
stack_owner_above(const stack_slice *owner)
{
    stack_slice *above = owner->prev;
    return above == NULL || above->stop > owner->stop ? above : NULL;
}

/* `current`, whose start the caller has set (or left NULL if it will never run again), makes room
 * for `target` to be restored: all bytes below target's stop that belong to others go to the heap.
 * Returns 0, or -1 if there was no memory: then every slice is as valid as before, and current runs
 * on. */
STACK_INLINE int
stack_save(stack_slice *current, const stack_slice *target)
{
    stack_slice *owner;
again:
    owner = stack_first_owner(current);
    for (; owner != NULL && owner->stop < target->stop; owner = stack_owner_above(owner)) {
        if (stack_save_up_to(owner, owner->stop) < 0) {
            goto failed;
        }
    }
    if (owner != NULL && owner != target && stack_save_up_to(owner, target->stop) < 0) {
        goto failed;
    }
    return 0;
failed:
    if (current->start == NULL && stack_use_reserve() == 0) {
        goto again;
    }
    /* The others are suspended: what was saved of them stays valid. Current's stack will change. */
    current->saved = 0;
    return -1;
}

/* A build for tests (-DSWITCHLIB_POISON, tools/matrix.py --poison) overwrites what was saved in
 * the place where it lay on the stack. So a pointer into a suspended stack is noticed at once,
 * and not only when another stack uses the place. */
extern const int stack_poisons;
#ifdef SWITCHLIB_POISON
void stack_poison_from(char *lowest);
#else
#define stack_poison_from(lowest) ((void)0)
#endif

/* Puts target's saved bytes back and makes it the running slice. Call it on target's stack pointer,
 * after a stack_save that succeeded. Its heap buffer stays with it for its next suspension. */
STACK_INLINE void
stack_restore(stack_slice *target, const stack_slice *current)
{
    if (target->saved != 0) {
        memcpy(target->start, stack_copy_of(target), target->saved);
        target->saved = 0;
    }
    /* What was saved to make room lies in target or below it. What lies below belongs to no
     * slice now. */
    stack_poison_from(current->start != NULL ? current->start : current->stop);
    stack_slice *owner = stack_first_owner(current);
    while (owner != NULL && owner->stop <= target->stop) {
        owner = stack_owner_above(owner);
    }
    target->prev = owner;
    target->start = NULL;
}

/* `fresh` becomes the running slice, on the stack below `sp`, where current was suspended. */
STACK_INLINE void
stack_begin(stack_slice *fresh, char *sp, const stack_slice *current)
{
    fresh->start = NULL;
    fresh->stop = sp;
    fresh->saved = 0;
    fresh->prev = stack_first_owner(current);
}

#endif
