/* What tstate_known asks, for the version files. Structures may change between the patch releases of a version, and one binary
 * is for all of them. So at import each place that can be compared is: with what a function of the interpreter says of it or
 * does to it, or, from CPython 3.13 on, with the interpreter's own table of offsets. What this cannot see did not change
 * between the first and the last patch release, as docs/new-cpython.md shows.
 *
 * The first comparisons need nothing but ts itself; only if these hold are pointers in it followed. */

/* The context variables' place: to enter a context puts it there. */
static inline int
known_context(PyThreadState *ts)
{
    PyObject *context = PyContext_New();
    if (context == NULL || PyContext_Enter(context) < 0) {
        Py_XDECREF(context);
        PyErr_Clear();              /* no memory: it cannot be asked */
        return 1;
    }
    int known = ts->context == context;
    if (PyContext_Exit(context) < 0) {
        PyErr_Clear();
    }
    Py_DECREF(context);
    return known;
}

static inline int
known_thread(PyThreadState *ts)
{
    return ts->interp == PyThreadState_GetInterpreter(ts) && ts->id == PyThreadState_GetID(ts) && known_context(ts);
}

#if PY_VERSION_HEX >= 0x030B0000
/* The running frame, which is one of Python code: it imports this library. */
static inline int
known_frame(const _PyInterpreterFrame *running)
{
    PyFrameObject *frame = PyEval_GetFrame();
    return frame == NULL || frame->f_frame == running;      /* no memory: it cannot be asked */
}

static inline int
known_tracing(PyThreadState *ts)
{
    int before = ts->tracing;
    PyThreadState_EnterTracing(ts);
    int known = ts->tracing == before + 1;
    PyThreadState_LeaveTracing(ts);
    return known && ts->tracing == before;
}

/* There is none on a stack whose Python frames are all a generator's, if another library has made the stack. */
static inline int
known_datastack(PyThreadState *ts)
{
    _PyStackChunk *chunk = ts->datastack_chunk;
    return chunk == NULL
        || ((char *)ts->datastack_limit == (char *)chunk + chunk->size
            && ts->datastack_top >= chunk->data && ts->datastack_top <= ts->datastack_limit);
}
#endif

#if PY_VERSION_HEX < 0x030D0000
/* Of the interpreter's state only the collector's is looked at, and on 3.12 a number before it. */
static inline int
known_collector(PyThreadState *ts)
{
    int enabled = PyGC_Disable(), known = ts->interp->gc.enabled == 0;
    PyGC_Enable();
    known = known && ts->interp->gc.enabled == 1;
    if (!enabled) {
        PyGC_Disable();
    }
    return known;
}
#else
/* Entries of the table that tell of the version at hand, and of places that the files of all versions look at. */
static inline int
known_table(void)
{
    const _Py_DebugOffsets *table = &_PyRuntime.debug_offsets;
    return table->version >> 16 == PY_VERSION_HEX >> 16
        && table->free_threaded == 0
        && table->interpreter_state.gc == offsetof(PyInterpreterState, gc)
        && table->gc.collecting == offsetof(struct _gc_runtime_state, collecting)
        && table->thread_state.interp == offsetof(PyThreadState, interp)
        && table->thread_state.current_frame == offsetof(PyThreadState, current_frame)
        && table->thread_state.datastack_chunk == offsetof(PyThreadState, datastack_chunk)
        && table->interpreter_frame.previous == offsetof(_PyInterpreterFrame, previous)
        && table->interpreter_frame.executable == offsetof(_PyInterpreterFrame, f_executable)
        && table->interpreter_frame.instr_ptr == offsetof(_PyInterpreterFrame, instr_ptr)
        && table->interpreter_frame.localsplus == offsetof(_PyInterpreterFrame, localsplus)
        && table->interpreter_frame.owner == offsetof(_PyInterpreterFrame, owner)
        && table->code_object.co_code_adaptive == offsetof(PyCodeObject, co_code_adaptive);   /* the last: none before it moved */
}
#endif
