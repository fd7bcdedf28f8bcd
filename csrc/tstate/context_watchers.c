/* Where the interpreter notes its watchers of contexts: see context_watchers.h. */
#include "../tstate.h"

#ifdef SWITCHLIB_CONTEXT_WATCHERS_H     /* the version's file includes it */

static const uint8_t none;
const uint8_t *active_watchers = &none;
static const PyContext_WatchCallback *callbacks;

/* How far the place may have moved since this was compiled: as far as the rest of the
 * interpreter's state moved between patch releases, and much more. */
#define MOST_MOVED 4096

static int
ignore_context(PyContextEvent Py_UNUSED(event), PyObject *Py_UNUSED(context))
{
    return 0;
}

/* The place of our callback, which stands at `index`, as an index from where it should be. */
static bool
find_callback(const PyContext_WatchCallback *expected, ptrdiff_t *moved)
{
    const ptrdiff_t most = MOST_MOVED / (ptrdiff_t)sizeof *expected;
    for (ptrdiff_t i = 0; i <= most; i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            if (expected[sign * i] == ignore_context) {
                *moved = sign * i;
                return true;
            }
        }
    }
    return false;
}

void
context_watchers_find(void)
{
    PyInterpreterState *interpreter = PyInterpreterState_Main();
    int index = PyContext_AddWatcher(ignore_context);
    if (index < 0) {
        PyErr_Clear();              /* all places are taken */
        return;
    }
    ptrdiff_t moved;
    bool found = find_callback(&interpreter->context_watchers[index], &moved);
    const PyContext_WatchCallback *first = interpreter->context_watchers + (found ? moved : 0);
    const uint8_t *active = &interpreter->active_context_watchers
        + (found ? moved * (ptrdiff_t)sizeof *first : 0);
    bool was_active = *active >> index & 1;
    if (PyContext_ClearWatcher(index) < 0) {
        PyErr_Clear();
    }
    if (found && was_active && !(*active >> index & 1) && first[index] == NULL) {
        callbacks = first;
        active_watchers = active;
    }
}

void
tstate_report_context(PyThreadState *ts)
{
    if (ts->interp != PyInterpreterState_Main()) {
        return;
    }
    PyObject *context = Py_NewRef(ts->context == NULL ? Py_None : ts->context);
    const uint8_t active = *active_watchers;
    for (int i = 0; active >> i != 0; i++) {
        if ((active >> i & 1) && callbacks[i] != NULL
            && callbacks[i](Py_CONTEXT_SWITCHED, context) < 0) {
            PyErr_WriteUnraisable(context);
        }
    }
    Py_DECREF(context);
}

#endif
