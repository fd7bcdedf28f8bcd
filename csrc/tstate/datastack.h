/* The data stack of a greenlet: where its Python frames live, from CPython 3.11 on. Since 3.12 a
 * function's code object says how much a call of it needs. For 3.11 DATASTACK_FRAME_BYTES says
 * it, which must be defined before this. */
#ifndef SWITCHLIB_DATASTACK_H
#define SWITCHLIB_DATASTACK_H

#include "../callee.h"
#include "../memory/blocks.h"
#include "../memory/chunk.h"
#include "../memory/first_chunk.h"

#include <Python.h>

typedef struct datastack {
    _PyStackChunk *chunk;       /* the innermost; each leads to the one before */
    PyObject **top;
    PyObject **limit;
} datastack;

#ifndef DATASTACK_FRAME_BYTES
#  define DATASTACK_FRAME_BYTES(code) ((size_t)(code)->co_framesize * sizeof(PyObject *))
#endif

#define CHUNK_HEAD offsetof(_PyStackChunk, data)

/* A first chunk has at least CHUNK_LEAST bytes. If its size was learned, it also has room for
 * the frame of one more small function. */
#define CHUNK_LEAST ((size_t)240)
#define CHUNK_ROOM ((size_t)128)

/* Allocates the first chunk, for a greenlet that calls this. -1 and MemoryError if it cannot. */
static inline int
datastack_prepare(datastack *stack, Callee callee)
{
    size_t frame = 0;
    if (callee.function != NULL) {
        frame = DATASTACK_FRAME_BYTES((PyCodeObject *)callee.function->func_code);
    }
    /* One word is skipped, so that _PyThreadState_PopFrame never takes the first frame for the
     * first of a chunk and frees the chunk (push_chunk in Python/pystate.c does the same); it has
     * the key. One more since the test for space wants some left. */
    size_t size = CHUNK_HEAD + frame + 2 * sizeof(PyObject *);
    bool report;
    size_t learned = first_chunk_size(callee.key, &report);
    size = Py_MAX(Py_MAX(size, learned), CHUNK_LEAST);
    if (size % MAPPED_BYTES == 0) {
        size += sizeof(PyObject *); /* by such a size the interpreter's own chunks are known */
    }
    stack->chunk = block_alloc(size);
    if (stack->chunk == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    stack->chunk->previous = NULL;
    stack->chunk->size = size;
    stack->chunk->top = 0;
    stack->chunk->data[0] = (PyObject *)((uintptr_t)callee.key | report);
    stack->top = &stack->chunk->data[1];
    stack->limit = (PyObject **)((char *)stack->chunk + size);
    return 0;
}

static inline void
datastack_enter(const datastack *stack, PyThreadState *ts)
{
    ts->datastack_chunk = stack->chunk;
    ts->datastack_top = stack->top;
    ts->datastack_limit = stack->limit;
}

/* Enters what datastack_prepare has made. */
static inline void
datastack_begin(datastack *stack, PyThreadState *ts)
{
    datastack_enter(stack, ts);
    if ((uintptr_t)stack->chunk->data[0] & 1) {
        stack->chunk = NULL;        /* so that datastack_leave reports its use */
    }
}

/* The innermost chunk is not the one that it was when this data stack was last left, or the
 * stack was never left. */
static __attribute__((noinline, unused)) void
datastack_report(PyThreadState *ts)
{
    _PyStackChunk *chunk = ts->datastack_chunk;
    if (chunk == NULL) {
        return;
    }
    bool outgrown = chunk->previous != NULL;
    size_t words = (size_t)(ts->datastack_top - chunk->data);
    while (chunk->previous != NULL) {
        if (words * sizeof(PyObject *) > FIRST_CHUNK_MOST) {
            return;
        }
        chunk = chunk->previous;
        words += chunk->top;
    }
    if (chunk->size % MAPPED_BYTES != 0) {      /* otherwise it is the thread's own */
        const void *key = (const void *)((uintptr_t)chunk->data[0] & ~(uintptr_t)1);
        size_t needed = CHUNK_HEAD + words * sizeof(PyObject *) + CHUNK_ROOM;
        first_chunk_used(key, outgrown ? needed : Py_MIN(needed, chunk->size), outgrown);
    }
}

static inline void
datastack_leave(datastack *stack, PyThreadState *ts)
{
    if (__builtin_expect(ts->datastack_chunk != stack->chunk, 0)) {
        datastack_report(ts);
    }
    stack->chunk = ts->datastack_chunk;
    stack->top = ts->datastack_top;
    stack->limit = ts->datastack_limit;
}

/* Frees the running data stack. No frame is left on it, so the first chunk is the only one. */
static inline void
datastack_end(datastack *stack, PyThreadState *ts)
{
    assert(ts->datastack_chunk->previous == NULL);
    block_free(ts->datastack_chunk, ts->datastack_chunk->size);
    stack->chunk = NULL;
}

/* Frees a data stack whose frames will never run again. */
static inline void
datastack_abandon(datastack *stack)
{
    _PyStackChunk *chunk = stack->chunk;
    stack->chunk = NULL;
    while (chunk != NULL) {
        _PyStackChunk *previous = chunk->previous;
        if (previous != NULL) {
            chunk_free_mapped(chunk, chunk->size);
        }
        else {
            block_free(chunk, chunk->size);
        }
        chunk = previous;
    }
}

#endif
