/* The extension module `greenlet._greenlet` of the shim. switchlib/_shim.py has its contents. It is
 * an extension module because tools know greenlet by a shared object of this name. When memray sees
 * that one is loaded, it asks the module for `settrace` as soon as the module is in sys.modules.
 * That is before a module is executed, so this one is filled when it is created.
 *
 * Where nothing is compiled, as on PyPy, switchlib/shim/greenlet/_greenlet.py takes its place. */
#include <Python.h>

static int
fill(PyObject *module, PyObject *source, PyObject *names)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i), *value = PyObject_GetAttr(source, name);
        int status = value == NULL ? -1 : PyObject_SetAttr(module, name, value);
        Py_XDECREF(value);
        if (status < 0) {
            return -1;
        }
    }
    return 0;
}

static PyObject *
create(PyObject *spec, PyModuleDef *Py_UNUSED(definition))
{
    PyObject *source = PyImport_ImportModule("switchlib._shim");
    PyObject *names = source == NULL ? NULL : PyObject_GetAttrString(source, "__all__");
    PyObject *own_name = names == NULL ? NULL : PyObject_GetAttrString(spec, "name");
    PyObject *module = own_name == NULL ? NULL : PyModule_NewObject(own_name);
    if (module != NULL && fill(module, source, names) < 0) {
        Py_CLEAR(module);
    }
    Py_XDECREF(own_name);
    Py_XDECREF(names);
    Py_XDECREF(source);
    return module;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_create, (void *)create},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "greenlet._greenlet",
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__greenlet(void);

PyMODINIT_FUNC
PyInit__greenlet(void)
{
    return PyModuleDef_Init(&definition);
}
