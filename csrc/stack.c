#include "stack.h"

#include <stdlib.h>

stack_statistics stack_counts;
long stack_fail_allocation;

int
stack_resize(stack_slice *slice, size_t size)
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
