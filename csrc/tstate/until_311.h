/* What CPython 3.10 and 3.11 share, and later versions no longer have. The version's file
 * defines USE_TRACING, the value of ts->cframe->use_tracing while something is traced. */

/* The names that 3.12 has for them. */
#define PyUnstable_Code_GetExtra _PyCode_GetExtra
#define PyUnstable_Code_SetExtra _PyCode_SetExtra
#define PyUnstable_Eval_RequestCodeExtraIndex _PyEval_RequestCodeExtraIndex

static inline PyThreadState *
tstate_get(void)
{
    return _PyThreadState_GET();
}

/* The eval loop looks there, and not at ts->tracing and the thread's functions. sys.settrace
 * sets it for the stack on which it is called, but its functions are for all stacks of the
 * thread. */
static inline void
set_use_tracing(PyThreadState *ts)
{
    int traced = ts->tracing == 0 && (ts->c_tracefunc != NULL || ts->c_profilefunc != NULL);
    ts->cframe->use_tracing = traced ? USE_TRACING : 0;
}

#define HAVE_TSTATE_MUTE
static inline void
tstate_mute(PyThreadState *ts)
{
    ts->tracing++;
    ts->cframe->use_tracing = 0;
}

static inline void
tstate_unmute(PyThreadState *ts)
{
    ts->tracing--;
    set_use_tracing(ts);
}

static inline int
tstate_monitored(PyThreadState *Py_UNUSED(ts))
{
    return 0;                       /* sys.monitoring came with 3.12 */
}

#define HAVE_TSTATE_CALL_SOON
static inline int
tstate_call_soon(int (*function)(void *), bool in_main_thread)
{
    return in_main_thread ? Py_AddPendingCall(function, NULL) : -1;
}

#define HAVE_TSTATE_TRASH_NESTING
static inline int
tstate_trash_nesting(PyThreadState *ts)
{
    return ts->trash_delete_nesting;
}
