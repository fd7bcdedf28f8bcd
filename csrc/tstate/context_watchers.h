/* Watchers of contexts (PyContext_AddWatcher), from CPython 3.14 on. CPython calls them when a
 * thread enters or leaves a context. A switch does that, too, but no function of CPython's does
 * just this part of PyContext_Enter. So they are found in the interpreter's state. They lie behind
 * the collector's state, which has grown between patch releases. So their place is looked for at
 * import, by a watcher of our own. Only the main interpreter has greenlets that are of interest. */
#ifndef SWITCHLIB_CONTEXT_WATCHERS_H
#define SWITCHLIB_CONTEXT_WATCHERS_H

#define HAVE_TSTATE_CONTEXT_WATCHERS

/* The interpreter's byte with a bit for each watcher. If it was not found, a byte that is 0. */
extern __attribute__((visibility("hidden"))) const uint8_t *active_watchers;

void context_watchers_find(void);

static inline bool
tstate_context_is_watched(void)
{
    return *active_watchers != 0;
}

void tstate_report_context(PyThreadState *ts);

#endif
