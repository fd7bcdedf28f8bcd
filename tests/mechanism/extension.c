/* An extension module that uses all of greenlet.h, for test_capi.py: each function is an entry of
 * the C API, called with what Python passes. */
#include <greenlet/greenlet.h>

#include <stddef.h>

/* None stands for NULL. */
static PyObject *
given(PyObject *object)
{
    return object == Py_None ? NULL : object;
}

static PyObject *
api_new(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *run, *parent;
    if (!PyArg_ParseTuple(args, "OO", &run, &parent)) {
        return NULL;
    }
    return (PyObject *)PyGreenlet_New(given(run), (PyGreenlet *)given(parent));
}

static PyObject *
api_getcurrent(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return (PyObject *)PyGreenlet_GetCurrent();
}

static PyObject *
api_throw(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *self, *type, *value, *traceback;
    if (!PyArg_ParseTuple(args, "OOOO", &self, &type, &value, &traceback)) {
        return NULL;
    }
    return PyGreenlet_Throw((PyGreenlet *)self, given(type), given(value), given(traceback));
}

static PyObject *
api_switch(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *self, *switch_args, *kwargs;
    if (!PyArg_ParseTuple(args, "OOO", &self, &switch_args, &kwargs)) {
        return NULL;
    }
    return PyGreenlet_Switch((PyGreenlet *)self, given(switch_args), given(kwargs));
}

static PyObject *
api_set_parent(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *self, *parent;
    if (!PyArg_ParseTuple(args, "OO", &self, &parent)) {
        return NULL;
    }
    if (PyGreenlet_SetParent((PyGreenlet *)self, (PyGreenlet *)parent) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
api_get_parent(PyObject *Py_UNUSED(module), PyObject *self)
{
    PyObject *parent = (PyObject *)PyGreenlet_GetParent((PyGreenlet *)self);
    return parent == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : parent;
}

static PyObject *
number(int n)
{
    return n < 0 ? NULL : PyLong_FromLong(n);
}

static PyObject *
api_main(PyObject *Py_UNUSED(module), PyObject *self)
{
    return number(PyGreenlet_MAIN((PyGreenlet *)self));
}

static PyObject *
api_started(PyObject *Py_UNUSED(module), PyObject *self)
{
    return number(PyGreenlet_STARTED((PyGreenlet *)self));
}

static PyObject *
api_active(PyObject *Py_UNUSED(module), PyObject *self)
{
    return number(PyGreenlet_ACTIVE((PyGreenlet *)self));
}

static PyObject *
api_check(PyObject *Py_UNUSED(module), PyObject *self)
{
    return PyBool_FromLong(PyGreenlet_Check(given(self)));
}

/* Asks for the current greenlet in a subinterpreter that shares the GIL, in this thread. */
static PyObject *
api_getcurrent_elsewhere(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyThreadState *here = PyThreadState_Get(), *there = Py_NewInterpreter();
    if (there == NULL) {
        PyThreadState_Swap(here);
        return PyErr_NoMemory();
    }
    PyObject *current = (PyObject *)PyGreenlet_GetCurrent();
    int found = current != NULL;
    PyErr_Clear();
    Py_XDECREF(current);
    Py_EndInterpreter(there);
    PyThreadState_Swap(here);
    return PyBool_FromLong(found);
}

/* The objects of Allocated_Type, below. */
static Py_ssize_t own_objects;

static PyObject *
own_alloc(PyTypeObject *type, Py_ssize_t count)
{
    own_objects++;
    return PyType_GenericAlloc(type, count);
}

static void
own_free(void *object)
{
    own_objects--;
    PyObject_GC_Del(object);
}

static PyObject *
count_own_objects(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSsize_t(own_objects);
}

static PyMethodDef functions[] = {
    {"new", api_new, METH_VARARGS, NULL},
    {"getcurrent", api_getcurrent, METH_NOARGS, NULL},
    {"throw", api_throw, METH_VARARGS, NULL},
    {"switch", api_switch, METH_VARARGS, NULL},
    {"set_parent", api_set_parent, METH_VARARGS, NULL},
    {"get_parent", api_get_parent, METH_O, NULL},
    {"main", api_main, METH_O, NULL},
    {"started", api_started, METH_O, NULL},
    {"active", api_active, METH_O, NULL},
    {"check", api_check, METH_O, NULL},
    {"getcurrent_elsewhere", api_getcurrent_elsewhere, METH_NOARGS, NULL},
    {"count_own_objects", count_own_objects, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* A static type with a field of its own behind PyGreenlet, made as Cython makes one. */

typedef struct {
    PyGreenlet base;
    PyObject *extra;
} Extended;

static PyTypeObject Extended_Type;

static int
extended_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Extended *)self)->extra);
    return PyGreenlet_Type.tp_traverse(self, visit, arg);
}

static int
extended_clear(PyObject *self)
{
    Py_CLEAR(((Extended *)self)->extra);
    return PyGreenlet_Type.tp_clear(self);
}

static void
extended_dealloc(PyObject *self)
{
    if (Py_TYPE(self)->tp_dealloc == extended_dealloc
        && PyObject_CallFinalizerFromDealloc(self) < 0) {
        return;
    }
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((Extended *)self)->extra);
    PyObject_GC_Track(self);
    PyGreenlet_Type.tp_dealloc(self);
}

static PyObject *
get_extra(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *extra = ((Extended *)self)->extra;
    return Py_NewRef(extra == NULL ? Py_None : extra);
}

static int
set_extra(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    Py_XSETREF(((Extended *)self)->extra, Py_XNewRef(value));
    return 0;
}

static PyGetSetDef extended_getset[] = {
    {"extra", get_extra, set_extra, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject Extended_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "extension.Extended",
    .tp_basicsize = sizeof(Extended),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = extended_dealloc,
    .tp_traverse = extended_traverse,
    .tp_clear = extended_clear,
    .tp_getset = extended_getset,
};

/* A static type that allocates and frees its objects itself, by the functions above. */

static PyTypeObject Allocated_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "extension.Allocated",
    .tp_basicsize = sizeof(Extended),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_alloc = own_alloc,
    .tp_free = own_free,
    .tp_dealloc = extended_dealloc,
    .tp_traverse = extended_traverse,
    .tp_clear = extended_clear,
};

/* PyType_Ready refuses a static type over a class made at run time, unless it is told otherwise for
 * the time. */
static int
type_ready(PyTypeObject *type)
{
    type->tp_base = &PyGreenlet_Type;
    type->tp_flags |= Py_TPFLAGS_HEAPTYPE;
    int status = PyType_Ready(type);
    type->tp_flags &= ~Py_TPFLAGS_HEAPTYPE;
    return status;
}

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "extension",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit_extension(void)
{
    PyGreenlet_Import();
    if (_PyGreenlet_API == NULL) {
        return NULL;
    }
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || type_ready(&Extended_Type) < 0 || type_ready(&Allocated_Type) < 0
        || PyModule_AddObjectRef(module, "greenlet", (PyObject *)&PyGreenlet_Type) < 0
        || PyModule_AddObjectRef(module, "error", PyExc_GreenletError) < 0
        || PyModule_AddObjectRef(module, "GreenletExit", PyExc_GreenletExit) < 0
        || PyModule_AddObjectRef(module, "Extended", (PyObject *)&Extended_Type) < 0
        || PyModule_AddObjectRef(module, "Allocated", (PyObject *)&Allocated_Type) < 0
        || PyModule_AddIntConstant(module, "size", sizeof(PyGreenlet)) < 0
        || PyModule_AddIntConstant(module, "entries", PyGreenlet_API_pointers) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
