/* The policy class becomes the public type. */
#ifndef SWITCHLIB_ADOPT_H
#define SWITCHLIB_ADOPT_H

#include "common.h"

HIDDEN_BEGIN

/* adopt(class, error, GreenletExit): takes its functions out of the class, keeps them as
 * `policy`, and puts builtins in their place. */
PyObject *adopt(PyObject *module, PyObject *args);

/* store_module(name): the public type is that module's from now on, by all of its names. */
PyObject *store_module(PyObject *module, PyObject *name);

HIDDEN_END

#endif
