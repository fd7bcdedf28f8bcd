/* What every file of the mechanism includes first: the layers below, and how references are
 * dropped. */
#ifndef SWITCHLIB_COMMON_H
#define SWITCHLIB_COMMON_H

#include "../../asm/asm.h"
#include "../callee.h"
#include "../memory/arena.h"
#include "../memory/blocks.h"
#include "../stack.h"
#include "../tstate.h"

#include <stdbool.h>

#include "points.h"                 /* last: it redefines functions of CPython */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Around declarations: -fvisibility covers only what is defined, and a call of what is only
 * declared would go through the global offset table. */
#define HIDDEN_BEGIN _Pragma("GCC visibility push(hidden)")
#define HIDDEN_END _Pragma("GCC visibility pop")

/* Drops a reference, which may run anything, but keeps the exception that is set. NULL is
 * allowed. See also drop_shared. */
static inline void
release(PyObject *object)
{
    if (object != NULL && Py_REFCNT(object) == 1) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        Py_DECREF(object);
        PyErr_Restore(type, value, traceback);
    }
    else {
        Py_XDECREF(object);
    }
}

#endif
