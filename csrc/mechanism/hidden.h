/* Asking policy: its functions run hidden from tools that look at a program. */
#ifndef SWITCHLIB_HIDDEN_H
#define SWITCHLIB_HIDDEN_H

#include "thread.h"

HIDDEN_BEGIN

/* Functions of the policy class that builtins ask. A property has three. */
enum {
    P_INIT,
    P_SWITCH,
    P_SWITCH_POSITIONAL,
    P_THROW,
    P_END,
    P_GET_RUN,
    P_SET_RUN,
    P_DEL_RUN,
    P_GET_PARENT,
    P_SET_PARENT,
    P_DEL_PARENT,
    P_GET_CONTEXT,
    P_SET_CONTEXT,
    P_DEL_CONTEXT,
    POLICIES
};
extern PyObject *policy[POLICIES];  /* filled by adopt.c */

/* Calls one of them. `args` is as PyObject_Vectorcall takes it. */
PyObject *ask(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs,
              PyObject *kwnames);

HIDDEN_END

#endif
