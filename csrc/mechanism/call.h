/* The builtins that switch: greenlet.switch and greenlet.throw. */
#ifndef SWITCHLIB_CALL_H
#define SWITCHLIB_CALL_H

#include "common.h"

HIDDEN_BEGIN

PyObject *greenlet_switch(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames);
PyObject *greenlet_throw(PyObject *self, PyObject *const *args, Py_ssize_t nargs);

/* Packs an array of arguments into a tuple and a dict (NULL without keywords). This may run
 * anything. */
int pack_call(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **tuple,
              PyObject **dict);

/* The usual vectorcall of a Python function. An extension may have set another one. */
extern vectorcallfunc function_vectorcall;

HIDDEN_END

#endif
