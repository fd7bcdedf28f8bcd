/* What CPython 3.10 to 3.12 share, and later versions no longer have: the chain of runs of the
 * eval loop (ts->cframe), and no table of offsets to compare with. */

/* For tstate_matches_interpreter: the chain of runs ends in ts. On 3.10, what follows there is
 * whatever was in memory. */
static inline int
matches_root(PyThreadState *ts)
{
    __typeof__(ts->cframe) run = ts->cframe;
    while (run != &ts->root_cframe && run->previous != NULL) {
        run = run->previous;
    }
    return run == &ts->root_cframe;
}

/* The same: of the interpreter's state only the collector's is looked at, and on 3.12 a number
 * before it. */
static inline int
matches_collector(PyThreadState *ts)
{
    int enabled = PyGC_Disable(), matches = ts->interp->gc.enabled == 0;
    PyGC_Enable();
    matches = matches && ts->interp->gc.enabled == 1;
    if (!enabled) {
        PyGC_Disable();
    }
    return matches;
}

#define HAVE_TSTATE_IN_MAIN_INTERPRETER
static inline int
tstate_in_main_interpreter(void)
{
    PyThreadState *ts = _PyThreadState_UncheckedGet();
    return ts != NULL && PyThreadState_GetInterpreter(ts) == PyInterpreterState_Main();
}

static inline int
tstate_catch_up(tstate_slice *Py_UNUSED(slice), PyThreadState *Py_UNUSED(ts))
{
    return 0;   /* 3.12 instruments code, too, but has no way to do it for suspended frames */
}

#define HAVE_TSTATE_FINALIZING
static inline int
tstate_finalizing(void)
{
    return _Py_IsFinalizing();
}
