/* What tstate_matches_interpreter compares from CPython 3.13 on, beyond matches_frames.h, which
 * comes first: the interpreter has a table of offsets for debuggers. */

/* The version of the table, and the places at which the files of all these versions look. */
static inline int
matches_table(void)
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
        /* The last field, so that none before it has moved. */
        && table->code_object.co_code_adaptive == offsetof(PyCodeObject, co_code_adaptive);
}

/* Call it after gil_find has found the running thread. */
static inline int
matches_running(PyThreadState *ts)
{
    return matches_thread_and_datastack(ts, ts->py_recursion_limit)
        && matches_frame(ts->current_frame);
}
