#include "capi.h"

#include "call.h"
#include "constants.h"
#include "enter.h"
#include "exception.h"
#include "hidden.h"
#include "properties.h"
#include "type.h"

static bool
is_greenlet_argument(PyObject *object)
{
    if (object != NULL && is_greenlet(object)) {
        return true;
    }
    PyErr_BadArgument();
    return false;
}

static PyObject *
api_new(PyObject *run, PyObject *parent)
{
    PyObject *kwargs = PyDict_New(), *self = NULL;
    if (kwargs != NULL && (run == NULL || PyDict_SetItem(kwargs, run_name, run) == 0)
        && (parent == NULL || PyDict_SetItemString(kwargs, "parent", parent) == 0)) {
        self = PyObject_Call((PyObject *)Public, empty_tuple, kwargs);
    }
    Py_XDECREF(kwargs);
    return self;
}

static PyObject *
api_get_current(void)
{
    return current_greenlet();
}

static PyObject *
api_throw(PyObject *self, PyObject *type, PyObject *value, PyObject *traceback)
{
    if (!is_greenlet_argument(self)) {
        return NULL;
    }
    if (type == NULL) {
        PyErr_BadArgument();
        return NULL;
    }
    PyObject *args[] = {
        type, value == NULL ? Py_None : value, traceback == NULL ? Py_None : traceback};
    return greenlet_throw(self, args, 3);
}

/* Keywords go through an ordinary call of the method, which arranges them for a vectorcall. */
static PyObject *
switch_with_keywords(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *method = PyObject_GetAttrString((PyObject *)Public, "switch");
    PyObject *all = PyTuple_New(PyTuple_GET_SIZE(args) + 1), *result = NULL;
    if (method != NULL && all != NULL) {
        PyTuple_SET_ITEM(all, 0, Py_NewRef(self));
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
            PyTuple_SET_ITEM(all, i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
        }
        result = PyObject_Call(method, all, kwargs);
    }
    release(method);
    release(all);
    return result;
}

static PyObject *
api_switch(PyObject *self, PyObject *args, PyObject *kwargs)
{
    if (!is_greenlet_argument(self)) {
        return NULL;
    }
    if (args == NULL) {
        args = empty_tuple;
    }
    if (!PyTuple_Check(args)) {
        PyErr_BadArgument();
        return NULL;
    }
    if (kwargs == NULL || !PyDict_Check(kwargs) || PyDict_GET_SIZE(kwargs) == 0) {
        return greenlet_switch(self, &PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args), NULL);
    }
    return switch_with_keywords(self, args, kwargs);
}

static int
api_set_parent(PyObject *self, PyObject *parent)
{
    return is_greenlet_argument(self) ? ask_setter(self, parent, (void *)P_GET_PARENT) : -1;
}

static int
api_main(PyObject *self)
{
    return is_greenlet_argument(self) ? is_main((Greenlet *)self) : -1;
}

static int
api_started(PyObject *self)
{
    return is_greenlet_argument(self) ? !is_unstarted(((Greenlet *)self)->state) : -1;
}

static int
api_active(PyObject *self)
{
    return is_greenlet_argument(self) ? greenlet_bool(self) : -1;
}

/* For a main greenlet NULL, without an exception. */
static PyObject *
api_get_parent(PyObject *self)
{
    return is_greenlet_argument(self)
        ? Py_XNewRef((PyObject *)((Greenlet *)self)->state->parent)
        : NULL;
}

PyObject *
c_api(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    static void *api[12];
    api[0] = Public;
    api[1] = GreenletError;
    api[2] = GreenletExit;
    api[3] = (void *)api_new;
    api[4] = (void *)api_get_current;
    api[5] = (void *)api_throw;
    api[6] = (void *)api_switch;
    api[7] = (void *)api_set_parent;
    api[8] = (void *)api_main;
    api[9] = (void *)api_started;
    api[10] = (void *)api_active;
    api[11] = (void *)api_get_parent;
    return PyCapsule_New(api, "greenlet._C_API", NULL);
}
