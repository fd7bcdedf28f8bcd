/* What tstate_matches_interpreter asks up to CPython 3.12, which has no table of offsets: see known.h. */

/* The chain of runs of the eval loop ends in ts. What follows there 3.10 has left as it was in memory. */
static inline int
known_root(PyThreadState *ts)
{
    __typeof__(ts->cframe) run = ts->cframe;
    while (run != &ts->root_cframe && run->previous != NULL) {
        run = run->previous;
    }
    return run == &ts->root_cframe;
}

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
