/* What tstate_matches_interpreter compares from CPython 3.11 on. matches.h comes before it. */

static inline int
matches_tracing(PyThreadState *ts)
{
    int before = ts->tracing;
    PyThreadState_EnterTracing(ts);
    int matches = ts->tracing == before + 1;
    PyThreadState_LeaveTracing(ts);
    return matches && ts->tracing == before;
}

/* A stack that another library made has no chunk if all of its Python frames are generators'. */
static inline int
matches_datastack(PyThreadState *ts)
{
    _PyStackChunk *chunk = ts->datastack_chunk;
    return chunk == NULL
        || ((char *)ts->datastack_limit == (char *)chunk + chunk->size
            && ts->datastack_top >= chunk->data && ts->datastack_top <= ts->datastack_limit);
}

/* `recursion_limit` is the value in ts, whose field has different names in different versions. */
static inline int
matches_thread_and_datastack(PyThreadState *ts, int recursion_limit)
{
    return matches_thread(ts)
        && recursion_limit == Py_GetRecursionLimit()
        && matches_tracing(ts)
        && matches_datastack(ts);
}

/* The running frame belongs to Python code, which imports this library. */
static inline int
matches_frame(const _PyInterpreterFrame *running)
{
    PyFrameObject *frame = PyEval_GetFrame();
    if (frame == NULL) {
        return 1;                   /* no memory to compare it */
    }
    PyCodeObject *code = PyFrame_GetCode(frame);
    int matches =
        frame->f_frame == running && running->frame_obj == frame && frame_code(running) == code;
    Py_DECREF(code);
    return matches;
}
