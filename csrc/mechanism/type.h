/* The type `Base`: how greenlets are made, and the attributes that the policy does not handle. */
#ifndef SWITCHLIB_TYPE_H
#define SWITCHLIB_TYPE_H

#include "greenlet.h"

HIDDEN_BEGIN

/* greenlet(run, parent) without the detour through tp_new, tp_init, a tuple and a dict. */
PyObject *greenlet_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf,
                              PyObject *kwnames);

/* Makes calls of the public class report what they create, if that is watched. Nothing is tested
 * at each call. */
void choose_vectorcall(void);

int greenlet_bool(PyObject *self);

/* Makes Base; 0, or -1 with an exception set. */
int base_type_make(void);

HIDDEN_END

#endif
