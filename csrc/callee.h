/* What a call of `run` really calls.
 *
 * A layer of its own: it knows callable objects, but no thread state, stack or memory. The
 * interpreter layer sizes a data stack by it, and the mechanism calls it. */
#ifndef SWITCHLIB_CALLEE_H
#define SWITCHLIB_CALLEE_H

#include <Python.h>

typedef struct Callee {
    PyFunctionObject *function;     /* borrowed; NULL if it is not a Python function */
    PyObject *self;                 /* borrowed; what comes before the arguments, or NULL */
    const void *key;                /* stands for what does the work: see callee_of_object */
} Callee;

/* For an object that is not a function. It looks names up in the object's type, which may run
 * anything: the dict of a type may have keys that are not strings, and user code compares them. */
Callee callee_of_object(PyObject *run);

static inline Callee
callee_of(PyObject *run)
{
    if (PyFunction_Check(run)) {
        return (Callee){(PyFunctionObject *)run, NULL, PyFunction_GET_CODE(run)};
    }
    return callee_of_object(run);
}

/* Comes first. -1 with an exception. Once a process. */
int callee_install(void);

#endif
