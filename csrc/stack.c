#include "stack.h"

#include <stdlib.h>
#include <string.h>

stack_statistics stack_counts;
long stack_fail_allocation;

/* A buffer is kept from one suspension to the next, but not once it is over twice what is needed:
 * a million suspended greenlets must not each hold the deepest stack they ever had. */
static int
buffer_fits(const stack_slice *slice, size_t size)
{
    return size <= slice->capacity && slice->capacity - size <= size;
}

static int
buffer_resize(stack_slice *slice, size_t size)
{
    if (stack_fail_allocation > 0 && --stack_fail_allocation == 0) {
        return -1;
    }
    char *copy = realloc(slice->copy, size);
    if (copy == NULL) {
        return -1;
    }
    stack_counts.buffers += slice->copy == NULL;
    stack_counts.bytes += (long long)size - (long long)slice->capacity;
    slice->copy = copy;
    slice->capacity = size;
    return 0;
}

/* Saves the slice's near end, up to `stop`. */
static inline int
save_up_to(stack_slice *slice, const char *stop)
{
    size_t size = (size_t)(stop - slice->start);
    if (stop <= slice->start || size <= slice->saved) {
        return 0;
    }
    if (!buffer_fits(slice, size) && buffer_resize(slice, size) < 0) {
        return -1;
    }
    memcpy(slice->copy + slice->saved, slice->start + slice->saved, size - slice->saved);
    slice->saved = size;
    return 0;
}

/* The slice that owns the near end of the stack: current, unless it is never to run again. */
static inline stack_slice *
first_owner(const stack_slice *current)
{
    return current->start != NULL ? (stack_slice *)current : current->prev;
}

int
stack_save(stack_slice *current, const stack_slice *target)
{
    stack_slice *owner = first_owner(current);
    for (; owner != NULL && owner->stop < target->stop; owner = owner->prev) {
        if (save_up_to(owner, owner->stop) < 0) {
            goto failed;
        }
    }
    if (owner != NULL && owner != target && save_up_to(owner, target->stop) < 0) {
        goto failed;
    }
    return 0;
failed:
    /* The others are suspended: what was saved of them stays true. Current will change its stack again. */
    current->saved = 0;
    return -1;
}

void
stack_restore(stack_slice *target, const stack_slice *current)
{
    if (target->saved != 0) {
        memcpy(target->start, target->copy, target->saved);
        target->saved = 0;
    }
    stack_slice *owner = first_owner(current);
    while (owner != NULL && owner->stop <= target->stop) {
        owner = owner->prev;
    }
    target->prev = owner;
    target->start = NULL;
}

void
stack_begin(stack_slice *fresh, char *sp, const stack_slice *current)
{
    fresh->start = NULL;
    fresh->stop = sp;
    fresh->saved = 0;
    fresh->prev = first_owner(current);
}

void
stack_forget(stack_slice *slice)
{
    if (slice->copy != NULL) {
        stack_counts.buffers--;
        stack_counts.bytes -= (long long)slice->capacity;
        free(slice->copy);
    }
    slice->start = slice->copy = NULL;
    slice->saved = slice->capacity = 0;
}
