#include "callee.h"

#include <structmember.h>

static PyObject *call_name;
static PyTypeObject *partial;       /* functools.partial; NULL if it is not as expected */
static Py_ssize_t partial_function; /* the offset of what it calls */

/* Finds out where a partial has its function. Without it a partial is of its type, as other callables in C are. */
static void
look_at_partial(void)
{
    PyObject *module = PyImport_ImportModule("_functools");
    PyObject *type = module == NULL ? NULL : PyObject_GetAttrString(module, "partial");
    PyObject *member = type == NULL ? NULL : PyObject_GetAttrString(type, "func");
    if (member != NULL && Py_IS_TYPE(member, &PyMemberDescr_Type)
        && ((PyMemberDescrObject *)member)->d_member->type == T_OBJECT) {
        partial_function = ((PyMemberDescrObject *)member)->d_member->offset;
        partial = (PyTypeObject *)Py_NewRef(type);
    }
    PyErr_Clear();
    Py_XDECREF(member);
    Py_XDECREF(type);
    Py_XDECREF(module);
}

int
callee_install(void)
{
    call_name = PyUnicode_InternFromString("__call__");
    look_at_partial();
    return call_name == NULL ? -1 : 0;
}

Callee
callee_of_object(PyObject *run)
{
    PyObject *function = NULL, *self = run;
    if (PyMethod_Check(run)) {
        function = PyMethod_GET_FUNCTION(run);
        self = PyMethod_GET_SELF(run);
    }
    else if (PyType_HasFeature(Py_TYPE(run), Py_TPFLAGS_HEAPTYPE)) {
        function = _PyType_Lookup(Py_TYPE(run), call_name);
    }
    if (function == NULL || !PyFunction_Check(function)) {
        return (Callee){NULL, NULL};
    }
    return (Callee){(PyFunctionObject *)function, self};
}

const void *
callee_key_of_object(PyObject *run)
{
    if (partial != NULL && Py_IS_TYPE(run, partial)) {      /* a partial of a partial is made as one */
        PyObject *function = *(PyObject **)((char *)run + partial_function);
        run = function == NULL ? run : function;
    }
    Callee callee = callee_of(run);
    if (callee.function != NULL) {
        return callee.function->func_code;
    }
    if (PyCFunction_Check(run)) {
        return ((PyCFunctionObject *)run)->m_ml;
    }
    return PyMethod_Check(run) ? (void *)PyMethod_GET_FUNCTION(run) : (void *)Py_TYPE(run);
}
