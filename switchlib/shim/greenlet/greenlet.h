/* Greenlets for extension modules in C, C++ and Cython.
 *
 *     #include <greenlet/greenlet.h>
 *
 *     PyGreenlet_Import();                     once, in the module's init; if it failed
 *     if (_PyGreenlet_API == NULL) ...         an exception is set
 *
 * The names, their places and the layout are those of greenlet 3.5.6. So an extension that was
 * built with this header runs on greenlet too, and one that was built with greenlet's runs on
 * switchlib: which of them it gets is decided when it imports `greenlet`.
 *
 * Functions that return a pointer return a new reference, or NULL with an exception set. None
 * steals a reference. */
#ifndef Py_GREENLETOBJECT_H
#define Py_GREENLETOBJECT_H

#include <Python.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GREENLET_VERSION "1.0.0"        /* of the interface; it has never changed */

/* A greenlet's object, for extension types that derive from it. Its fields are private. */
typedef struct _greenlet {
    PyObject_HEAD
    PyObject *weakreflist;
    PyObject *dict;
    void *pimpl;
} PyGreenlet;

/* The places in the capsule. */
#define PyGreenlet_Type_NUM 0
#define PyExc_GreenletError_NUM 1
#define PyExc_GreenletExit_NUM 2
#define PyGreenlet_New_NUM 3
#define PyGreenlet_GetCurrent_NUM 4
#define PyGreenlet_Throw_NUM 5
#define PyGreenlet_Switch_NUM 6
#define PyGreenlet_SetParent_NUM 7
#define PyGreenlet_MAIN_NUM 8
#define PyGreenlet_STARTED_NUM 9
#define PyGreenlet_ACTIVE_NUM 10
#define PyGreenlet_GET_PARENT_NUM 11
#define PyGreenlet_API_pointers 12      /* how many there are */

static void **_PyGreenlet_API = NULL;

#define PyGreenlet_Import() \
    { \
        _PyGreenlet_API = (void **)PyCapsule_Import("greenlet._C_API", 0); \
    }

/* The classes greenlet, error and GreenletExit. */
#define PyGreenlet_Type (*(PyTypeObject *)_PyGreenlet_API[PyGreenlet_Type_NUM])
#define PyExc_GreenletError ((PyObject *)_PyGreenlet_API[PyExc_GreenletError_NUM])
#define PyExc_GreenletExit ((PyObject *)_PyGreenlet_API[PyExc_GreenletExit_NUM])

/* isinstance(op, greenlet); 0 for NULL */
#define PyGreenlet_Check(op) ((op) != NULL && PyObject_TypeCheck(op, &PyGreenlet_Type))

/* greenlet(run, parent). Either may be NULL: no run; the current greenlet as parent. */
#define PyGreenlet_New \
    (*(PyGreenlet *(*)(PyObject *run, PyGreenlet *parent))_PyGreenlet_API[PyGreenlet_New_NUM])

/* getcurrent() */
#define PyGreenlet_GetCurrent \
    (*(PyGreenlet *(*)(void))_PyGreenlet_API[PyGreenlet_GetCurrent_NUM])

/* g.throw(type, value, traceback). The last two may be NULL. */
#define PyGreenlet_Throw \
    (*(PyObject *(*)(PyGreenlet *g, PyObject *type, PyObject *value, PyObject *traceback)) \
         _PyGreenlet_API[PyGreenlet_Throw_NUM])

/* g.switch(*args, **kwargs). Either may be NULL: args is a tuple, kwargs a dict. */
#define PyGreenlet_Switch \
    (*(PyObject *(*)(PyGreenlet *g, PyObject *args, PyObject *kwargs)) \
         _PyGreenlet_API[PyGreenlet_Switch_NUM])

/* g.parent = parent. 0, or -1 with an exception set. */
#define PyGreenlet_SetParent \
    (*(int (*)(PyGreenlet *g, PyGreenlet *parent))_PyGreenlet_API[PyGreenlet_SetParent_NUM])

/* g.parent. A main greenlet has none: NULL, and no exception. */
#define PyGreenlet_GetParent \
    (*(PyGreenlet *(*)(PyGreenlet *g))_PyGreenlet_API[PyGreenlet_GET_PARENT_NUM])
#define PyGreenlet_GET_PARENT PyGreenlet_GetParent

/* Whether g is a main greenlet; has ever begun; has begun and not ended. -1 with an exception set
 * if g is none. */
#define PyGreenlet_MAIN (*(int (*)(PyGreenlet *g))_PyGreenlet_API[PyGreenlet_MAIN_NUM])
#define PyGreenlet_STARTED (*(int (*)(PyGreenlet *g))_PyGreenlet_API[PyGreenlet_STARTED_NUM])
#define PyGreenlet_ACTIVE (*(int (*)(PyGreenlet *g))_PyGreenlet_API[PyGreenlet_ACTIVE_NUM])

#ifdef __cplusplus
}
#endif
#endif
