#include "stack.h"

#include <stdlib.h>

stack_statistics stack_counts;
long stack_fail_allocation;

/* Tools that hook the C library's allocator (memray, heaptrack) rewrite the addresses of its
 * functions wherever these lie in writable memory. If stack_memory held these addresses, and the
 * mechanism put in its own later, half of the table might be rewritten. In these two functions
 * only calls are hooked. */
static void *
default_allocate(size_t size)
{
    return malloc(size);
}

static void
default_free(void *block, size_t size)
{
    (void)size;
    free(block);
}

struct stack_memory stack_memory = {default_allocate, default_free};

static void *
allocate(size_t size)
{
    if (stack_fail_allocation < 0 || (stack_fail_allocation > 0 && --stack_fail_allocation == 0)) {
        return NULL;
    }
    return stack_memory.allocate(size);
}

/* The size of a buffer with this capacity; the larger ones begin anywhere in a line
 * (stack_copy_of). */
static size_t
buffer_bytes(size_t capacity)
{
    return capacity < STACK_ALIGNED_BYTES ? capacity : capacity + STACK_LINE - 1;
}

int
stack_resize(stack_slice *slice, size_t size)
{
    char *buffer = allocate(buffer_bytes(size));
    if (buffer == NULL) {
        return -1;
    }
    stack_slice former = *slice;
    slice->buffer = buffer;
    slice->capacity = size;
    if (former.saved != 0) {
        memcpy(stack_copy_of(slice), stack_copy_of(&former), former.saved);
    }
    stack_memory.free(former.buffer, buffer_bytes(former.capacity));
    stack_counts.buffers += former.buffer == NULL;
    stack_counts.bytes += (long long)size - (long long)former.capacity;
    return 0;
}

/* Enough for the slices in the way of one that ends. They are few, and stacks are rarely so
 * deep. */
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
    stack_memory.free(reserve, RESERVE_BYTES);
    reserve = NULL;
    stack_counts.reserves_used++;
    return 0;
}

#ifdef SWITCHLIB_POISON
const int stack_poisons = 1;

/* It is not an address, and is easily recognised in a debugger. */
#define POISON ((uintptr_t)0xDBDBDBDBDBDBDBDB)

/* More than this function and a red zone take up below its frame. */
#define OURS ((size_t)512)

/* Overwrites the stack from `lowest` up to the frames in use. A loop, since the frame of a
 * function that it called (memset) would lie where it writes. */
__attribute__((noinline)) void
stack_poison_from(char *lowest)
{
    char *end = (char *)__builtin_frame_address(0) - OURS;
    uintptr_t begin = ((uintptr_t)lowest + sizeof(uintptr_t) - 1) & ~(sizeof(uintptr_t) - 1);
    volatile uintptr_t *word = (uintptr_t *)begin;
    for (; (char *)(word + 1) <= end; word++) {
        *word = POISON;
    }
}
#else
const int stack_poisons = 0;
#endif

void
stack_forget(stack_slice *slice)
{
    if (slice->buffer != NULL) {
        stack_counts.buffers--;
        stack_counts.bytes -= (long long)slice->capacity;
        stack_memory.free(slice->buffer, buffer_bytes(slice->capacity));
    }
    slice->start = slice->buffer = NULL;
    slice->saved = slice->capacity = 0;
}
