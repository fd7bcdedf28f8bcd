/* What tstate_matches_interpreter asks of frames, from CPython 3.11 on: see known.h. */

static inline int
known_tracing(PyThreadState *ts)
{
    int before = ts->tracing;
    PyThreadState_EnterTracing(ts);
    int known = ts->tracing == before + 1;
    PyThreadState_LeaveTracing(ts);
    return known && ts->tracing == before;
}

/* A stack that another library has made may have none, if all of its Python frames are generators'. */
static inline int
known_datastack(PyThreadState *ts)
{
    _PyStackChunk *chunk = ts->datastack_chunk;
    return chunk == NULL
        || ((char *)ts->datastack_limit == (char *)chunk + chunk->size
            && ts->datastack_top >= chunk->data && ts->datastack_top <= ts->datastack_limit);
}

/* The running frame is one of Python code: it imports this library. */
static inline int
known_frame(const _PyInterpreterFrame *running)
{
    PyFrameObject *frame = PyEval_GetFrame();
    if (frame == NULL) {
        return 1;                   /* no memory: it cannot be asked */
    }
    PyCodeObject *code = PyFrame_GetCode(frame);
    int known = frame->f_frame == running && running->frame_obj == frame;
#ifdef FRAME_CODE                   /* frames of stack references have the table, too */
    known = known && (PyCodeObject *)running->FRAME_CODE == code;
#endif
    Py_DECREF(code);
    return known;
}
