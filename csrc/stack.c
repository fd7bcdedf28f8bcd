#include "stack.h"

#include <stdlib.h>

stack_statistics stack_counts;
struct stack_memory stack_memory = {malloc, free};
long stack_fail_allocation;

static void *
allocate(size_t size)
{
    if (stack_fail_allocation < 0 || (stack_fail_allocation > 0 && --stack_fail_allocation == 0)) {
        return NULL;
    }
    return stack_memory.allocate(size);
}

int
stack_resize(stack_slice *slice, size_t size)
{
    char *buffer = allocate(size < STACK_ALIGNED_BYTES ? size : size + STACK_LINE - 1);
    if (buffer == NULL) {
        return -1;
    }
    stack_slice former = *slice;
    slice->buffer = buffer;
    slice->capacity = size;
    if (former.saved != 0) {
        memcpy(stack_copy_of(slice), stack_copy_of(&former), former.saved);
    }
    stack_memory.free(former.buffer);
    stack_counts.buffers += former.buffer == NULL;
    stack_counts.bytes += (long long)size - (long long)former.capacity;
    return 0;
}

/* Room for the slices in the way of one that ends: they are few, and stacks are rarely this deep. */
#define RESERVE_BYTES ((size_t)1 << 20)

static void *reserve;

int
stack_reserve(void)
{
    if (reserve == NULL) {
        reserve = allocate(RESERVE_BYTES);
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
    if (slice->buffer != NULL) {
        stack_counts.buffers--;
        stack_counts.bytes -= (long long)slice->capacity;
        stack_memory.free(slice->buffer);
    }
    slice->start = slice->buffer = NULL;
    slice->saved = slice->capacity = 0;
}
