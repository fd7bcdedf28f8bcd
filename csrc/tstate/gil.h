/* The running thread's state, from CPython 3.13 on. The variable that holds it is hidden there, and
 * asking for it is a function call, which takes a twentieth of a switch. But the GIL records which
 * thread took it last (take_gil in Python/ceval_gil.c; _PyThreadState_Attach in Python/pystate.c
 * always calls that), and that is the running thread. switchlib runs in the main interpreter only,
 * whose GIL lies in its PyInterpreterState.
 *
 * The place of this record changes from one patch release to the next. So it is read once, at
 * import, from the table of offsets that the interpreter has for debuggers. The pointer is
 * hidden (not exported), so reading through it takes two loads, as many as a place in
 * _PyRuntime, whose address must be loaded, too. */
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

/* Finds that place, and returns whether it is right. If not, it is not used. */
int gil_find(void);

#endif
