/* What a call of `run` comes down to, as far as its type tells it without running anything. */
#ifndef SWITCHLIB_CALLEE_H
#define SWITCHLIB_CALLEE_H

#include <Python.h>

typedef struct Callee {
    PyFunctionObject *function;     /* borrowed; NULL if what is called is no Python function */
    PyObject *self;                 /* borrowed; what comes before the arguments, or NULL */
} Callee;

Callee callee_of_object(PyObject *run);
const void *callee_key_of_object(PyObject *run);

/* Of a function, a bound method of one, or an object whose class has `__call__` as one. */
static inline Callee
callee_of(PyObject *run)
{
    return PyFunction_Check(run) ? (Callee){(PyFunctionObject *)run, NULL} : callee_of_object(run);
}

/* An address that stands for what does the work: the code of a function, the definition of a C function, what a partial or
 * a bound method calls; else the type. */
static inline const void *
callee_key(PyObject *run)
{
    return PyFunction_Check(run) ? PyFunction_GET_CODE(run) : callee_key_of_object(run);
}

/* Comes first. -1 with an exception. Once a process. */
int callee_install(void);

#endif
