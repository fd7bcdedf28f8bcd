/* The three properties that the policy guards: run, parent, gr_context. */
#ifndef SWITCHLIB_PROPERTIES_H
#define SWITCHLIB_PROPERTIES_H

#include "greenlet.h"

HIDDEN_BEGIN

/* The `closure` of each is the first of its three policy functions. Ends with a name that is
 * NULL. */
extern PyGetSetDef properties[];

/* Asks the policy to set or (value NULL) delete a property. */
int ask_setter(PyObject *self, PyObject *value, void *closure);

/* Where the greenlet's context lies, if this thread may touch it; NULL if it runs in another. */
PyObject **context_of(Greenlet *self, bool *running);
void store_context(PyObject **context, PyObject *value, bool running);

HIDDEN_END

#endif
