#include "callee.h"

#include <structmember.h>

static PyObject *call_name, *func_name;

int
callee_install(void)
{
    call_name = PyUnicode_InternFromString("__call__");
    func_name = PyUnicode_InternFromString("func");
    return call_name == NULL || func_name == NULL ? -1 : 0;
}

/* What an object of functools.partial, or of a class derived from it, calls; NULL for other
 * objects. An object of functools.partial in C has it as a member. */
static PyObject *
function_of_partial(PyObject *run)
{
    PyObject *member = _PyType_Lookup(Py_TYPE(run), func_name);
    if (member == NULL || !Py_IS_TYPE(member, &PyMemberDescr_Type)) {
        return NULL;
    }
    const PyMemberDef *where = ((PyMemberDescrObject *)member)->d_member;
    return where->type == T_OBJECT ? *(PyObject **)((char *)run + where->offset) : NULL;
}

/* The code of a function; the definition of a C function; for an object that only calls another
 * one, the key of that; otherwise the type. */
static const void *
key_of(PyObject *run)
{
    if (PyMethod_Check(run)) {
        run = PyMethod_GET_FUNCTION(run);
        if (!PyFunction_Check(run) && !PyCFunction_Check(run)) {
            return run;             /* a class keeps it alive: Cython has such functions */
        }
    }
    if (PyFunction_Check(run)) {
        return PyFunction_GET_CODE(run);
    }
    return PyCFunction_Check(run) ? (void *)((PyCFunctionObject *)run)->m_ml : (void *)Py_TYPE(run);
}

/* A bound method of a function calls that function, and so does an object whose class has a
 * function as `__call__`. */
Callee
callee_of_object(PyObject *run)
{
    PyObject *function = NULL, *self = run;
    if (PyMethod_Check(run)) {
        function = PyMethod_GET_FUNCTION(run);
        self = PyMethod_GET_SELF(run);
    }
    else if (PyType_HasFeature(Py_TYPE(run), Py_TPFLAGS_HEAPTYPE)) {
        PyObject *called = function_of_partial(run);
        if (called != NULL) {
            return (Callee){NULL, NULL, key_of(called)};
        }
        function = _PyType_Lookup(Py_TYPE(run), call_name);
    }
    if (function == NULL || !PyFunction_Check(function)) {
        return (Callee){NULL, NULL, key_of(run)};
    }
    return (Callee){(PyFunctionObject *)function, self, PyFunction_GET_CODE(function)};
}
