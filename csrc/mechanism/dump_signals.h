/* Signals on which the stacks of all greenlets are written. */
#ifndef SWITCHLIB_DUMP_SIGNALS_H
#define SWITCHLIB_DUMP_SIGNALS_H

#include "dump.h"

HIDDEN_BEGIN

/* For switchlib/_mechanism.py. */
PyObject *dump_on_signal(PyObject *module, PyObject *args);
PyObject *stop_dump_on_signal(PyObject *module, PyObject *signum);
PyObject *dump_on_fatal_error(PyObject *module, PyObject *fd);
PyObject *stop_dump_on_fatal_error(PyObject *module, PyObject *ignored);

HIDDEN_END

#endif
