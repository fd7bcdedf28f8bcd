/* The type `Base`: how greenlets are made, and the attributes that the policy does not handle. */
#ifndef SWITCHLIB_TYPE_H
#define SWITCHLIB_TYPE_H

#include "greenlet.h"

HIDDEN_BEGIN

/* Chooses how the public class is called: whether creations are reported. So nothing is tested at
 * each call. Watchers may be there before the class is. */
void choose_vectorcall(void);

int greenlet_bool(PyObject *self);

/* Makes Base; 0, or -1 with an exception set. */
int base_type_make(void);

HIDDEN_END

#endif
