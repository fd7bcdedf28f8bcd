/* What tstate_matches_interpreter compares on all versions. Structures may change between the patch
 * releases of a version, and one binary serves all of them. So each place that can be compared is
 * compared at import: with what a function of the interpreter returns or changes, or, from CPython
 * 3.13 on, with the interpreter's own table of offsets (matches_table.h). What cannot be compared
 * did not change between the first and the last patch release: docs/new-cpython.md.
 *
 * The first comparisons need nothing but ts itself. Only if they succeed are pointers in it
 * followed. */

/* The place of the context of context variables: entering a context puts it there. */
static inline int
matches_context(PyThreadState *ts)
{
    PyObject *context = PyContext_New();
    if (context == NULL || PyContext_Enter(context) < 0) {
        Py_XDECREF(context);
        PyErr_Clear();              /* no memory to compare it */
        return 1;
    }
    int matches = ts->context == context;
    if (PyContext_Exit(context) < 0) {
        PyErr_Clear();
    }
    Py_DECREF(context);
    return matches;
}

static inline int
matches_thread(PyThreadState *ts)
{
    return ts->interp == PyThreadState_GetInterpreter(ts) && ts->id == PyThreadState_GetID(ts)
        && matches_context(ts);
}
