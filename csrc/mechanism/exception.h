/* Exceptions as instances: taken from the thread state, and raised there again. */
#ifndef SWITCHLIB_EXCEPTION_H
#define SWITCHLIB_EXCEPTION_H

#include "common.h"

HIDDEN_BEGIN

extern PyObject *GreenletExit, *GreenletError;

/* The exception that is set, as an instance with its traceback. Clears it. */
PyObject *take_instance(void);

/* Raises an instance as it is, with its own traceback. Runs nothing. Takes the instance over. */
void raise_instance(PyObject *exception);

/* The GreenletExit that is set, as a value, since it is a way to return. NULL with an exception
 * set if it could not be made. */
PyObject *exit_value(void);

/* Makes `cause` (may be NULL) the context of the exception that is set, if it has none. */
void set_context_of_exception(PyObject *cause);

HIDDEN_END

#endif
