/* What tstate_matches_interpreter asks of the interpreter's table of offsets, from CPython 3.13 on: see known.h. Which version it
 * is of, and places that the files of all these versions look at. */
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
        && table->code_object.co_code_adaptive == offsetof(PyCodeObject, co_code_adaptive);     /* the last one */
}

/* Once gil_known has found the running thread. */
static inline int
known_running(PyThreadState *ts)
{
    return known_thread(ts)
        && ts->py_recursion_limit == Py_GetRecursionLimit()
        && known_tracing(ts)
        && known_datastack(ts)
        && known_frame(ts->current_frame);
}
