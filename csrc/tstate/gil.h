/* The running thread's state, from CPython 3.13 on. There the variable that holds it is hidden, and
 * to ask for it is a function call, which takes a twentieth of a switch. But the GIL notes which
 * thread took it last (take_gil in Python/ceval_gil.c; _PyThreadState_Attach in Python/pystate.c
 * always goes through it), and the running thread has taken it. switchlib runs in the main
 * interpreter only, whose GIL lies in its PyInterpreterState.
 *
 * Where it lies there changes from one patch release to the next, so it is read once, at import,
 * from the table of offsets that the interpreter has for debuggers. The pointer is hidden (not
 * exported), so that reading through it takes two loads, as many as a place in _PyRuntime, whose
 * address has to be loaded, too. */
#ifndef SWITCHLIB_GIL_H
#define SWITCHLIB_GIL_H

#include <internal/pycore_runtime.h>

extern __attribute__((visibility("hidden"))) PyThreadState **gil_holder;

static inline PyThreadState *
tstate_get(void)
{
    PyThreadState *ts = *gil_holder;
    assert(ts == PyThreadState_GetUnchecked());
    return ts;
}

/* Finds it, and returns whether it is there. If not, it is not looked at later. */
int gil_find(void);

#endif
