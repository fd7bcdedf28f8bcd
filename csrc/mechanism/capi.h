/* The C API: what extensions built against greenlet.h call, by its places in the capsule
 * `greenlet._C_API`. */
#ifndef SWITCHLIB_CAPI_H
#define SWITCHLIB_CAPI_H

#include "common.h"

HIDDEN_BEGIN

/* c_api(): the capsule. */
PyObject *c_api(PyObject *module, PyObject *ignored);

HIDDEN_END

#endif
