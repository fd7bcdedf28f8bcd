/* The data stack of a greenlet: where its Python frames live, from CPython 3.11 on. For the version files. */
#ifndef SWITCHLIB_DATASTACK_H
#define SWITCHLIB_DATASTACK_H

#include "../chunk.h"

#include <Python.h>

typedef struct datastack {
    _PyStackChunk *chunk;       /* the innermost; each leads to the one before */
    PyObject **top;
    PyObject **limit;
} datastack;

#define CHUNK_HEAD offsetof(_PyStackChunk, data)

/* Of a data stack with a frame of `frame_size` bytes room is left for that of a small function that it calls. */
#define CHUNK_LEAST ((size_t)240)
#define CHUNK_ROOM ((size_t)128)

/* Allocates the first chunk, for a run of `code` whose frame has so many bytes. -1 if there is no memory. */
static inline int
datastack_prepare(datastack *stack, const void *code, size_t frame_size)
{
    /* One word is skipped, so that _PyThreadState_PopFrame never takes the first frame for a chunk's first
     * and frees the chunk (push_chunk in Python/pystate.c does the same); it has the code. One more since the test
     * for space wants some left. */
    size_t size = CHUNK_HEAD + frame_size + 2 * sizeof(PyObject *);
    size_t learned = code == NULL ? 0 : chunk_size_learned(code);
    size = Py_MAX(Py_MAX(size, learned), CHUNK_LEAST);
    stack->chunk = PyObject_Malloc(size);
    if (stack->chunk == NULL) {
        return -1;
    }
    stack->chunk->previous = NULL;
    stack->chunk->size = size;
    stack->chunk->top = 0;
    stack->chunk->data[0] = (PyObject *)code;
    stack->top = &stack->chunk->data[1];
    stack->limit = (PyObject **)((char *)stack->chunk + size);
    return 0;
}

/* The data stack has grown beyond its first chunk since it was last left. */
static __attribute__((noinline, unused)) void
datastack_learn(PyThreadState *ts)
{
    _PyStackChunk *chunk = ts->datastack_chunk;
    size_t words = (size_t)(ts->datastack_top - chunk->data);
    while (chunk->previous != NULL) {
        chunk = chunk->previous;
        words += chunk->top;
    }
    if (chunk->size < MAPPED_BYTES && chunk->data[0] != NULL) {     /* else it is not ours, but the thread's own */
        chunk_size_learn(chunk->data[0], CHUNK_HEAD + words * sizeof(PyObject *) + CHUNK_ROOM);
    }
}

static inline void
datastack_leave(datastack *stack, PyThreadState *ts)
{
    if (__builtin_expect(ts->datastack_chunk != stack->chunk, 0)
        && ts->datastack_chunk != NULL && ts->datastack_chunk->previous != NULL) {
        datastack_learn(ts);
    }
    stack->chunk = ts->datastack_chunk;
    stack->top = ts->datastack_top;
    stack->limit = ts->datastack_limit;
}

static inline void
datastack_enter(const datastack *stack, PyThreadState *ts)
{
    ts->datastack_chunk = stack->chunk;
    ts->datastack_top = stack->top;
    ts->datastack_limit = stack->limit;
}

/* Frees the running data stack, on which no frame is left: so the first chunk is the only one. */
static inline void
datastack_end(datastack *stack, PyThreadState *ts)
{
    assert(ts->datastack_chunk->previous == NULL);
    PyObject_Free(ts->datastack_chunk);
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
            PyObject_Free(chunk);
        }
        chunk = previous;
    }
}

#endif
