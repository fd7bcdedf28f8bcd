#include "greenlet.h"

PyTypeObject *Base, *Public;

bool
descends_from(const Greenlet *g, const Greenlet *ancestor)
{
    Walk walk = walk_from(g);
    while (walk.at != NULL && walk.at != ancestor) {
        walk_up(&walk);
    }
    return walk.at == ancestor || walk.left < 0;
}

bool
store_parent(Greenlet *self, Greenlet *parent)
{
    if (descends_from(parent, self)) {
        return false;
    }
    Greenlet *old = self->state->parent;
    self->state->parent = (Greenlet *)Py_NewRef(parent);
    Py_XDECREF(old);
    return true;
}

void
give_dict(Greenlet *self)
{
    PyObject *dict = PyDict_New();
    if (self->dict == NULL) {
        self->dict = dict;
    }
    else {
        Py_XDECREF(dict);
    }
    if (dict == NULL) {
        PyErr_Clear();
    }
}
