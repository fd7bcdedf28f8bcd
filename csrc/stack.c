#include "stack.h"

#include <stdlib.h>

stack_statistics stack_counts;
struct stack_memory stack_memory = {realloc, free};
long stack_fail_allocation;

static void *
reallocate(void *block, size_t size)
{
    if (stack_fail_allocation < 0 || (stack_fail_allocation > 0 && --stack_fail_allocation == 0)) {
        return NULL;
    }
    return stack_memory.resize(block, size);
}

int
stack_resize(stack_slice *slice, size_t size)
{
    char *copy = reallocate(slice->copy, size);
    if (copy == NULL) {
        return -1;
    }
    stack_counts.buffers += slice->copy == NULL;
    stack_counts.bytes += (long long)size - (long long)slice->capacity;
    slice->copy = copy;
    slice->capacity = size;
    return 0;
}

/* Room for the slices in the way of one that ends: they are few, and stacks are rarely this deep. */
#define RESERVE_BYTES ((size_t)1 << 20)

static void *reserve;

int
stack_reserve(void)
{
    if (reserve == NULL) {
        reserve = reallocate(NULL, RESERVE_BYTES);
    }
    return reserve == NULL ? -1 : 0;
}

int
stack_use_reserve(void)
{
    if (reserve == NULL) {
        return -1;
    }
    stack_memory.free(reserve);
    reserve = NULL;
    stack_counts.reserves_used++;
    return 0;
}

void
stack_forget(stack_slice *slice)
{
    if (slice->copy != NULL) {
        stack_counts.buffers--;
        stack_counts.bytes -= (long long)slice->capacity;
        stack_memory.free(slice->copy);
    }
    slice->start = slice->copy = NULL;
    slice->saved = slice->capacity = 0;
}
