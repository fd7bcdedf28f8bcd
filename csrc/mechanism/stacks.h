/* All greenlets of all threads, and their stacks, without frame objects. */
#ifndef SWITCHLIB_STACKS_H
#define SWITCHLIB_STACKS_H

#include "thread.h"

HIDDEN_BEGIN

/* For switchlib/_mechanism.py. */
PyObject *all_greenlets(PyObject *module, PyObject *ignored);
PyObject *stack_of(PyObject *module, PyObject *greenlet);

HIDDEN_END

#endif
