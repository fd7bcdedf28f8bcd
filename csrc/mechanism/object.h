/* The memory of greenlets: how an object comes, what the collector sees of it, and how it goes. */
#ifndef SWITCHLIB_OBJECT_H
#define SWITCHLIB_OBJECT_H

#include "thread.h"

HIDDEN_BEGIN

/* An unstarted greenlet with no parent, listed for the thread; NULL with MemoryError. */
Greenlet *greenlet_alloc(PyTypeObject *type, Thread *thread);

/* tp_traverse, tp_clear, tp_dealloc. */
int greenlet_traverse(PyObject *object, visitproc visit, void *arg);
int greenlet_clear(PyObject *object);
void greenlet_dealloc(PyObject *object);

/* Makes what greenlet_alloc needs; 0, or -1 with an exception set. */
int object_install(void);

HIDDEN_END

#endif
