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

/* What an object of functools.partial calls, or of a class derived from it: in C, they have it as an attribute. NULL for other
 * objects. */
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

const void *
callee_key_of_object(PyObject *run)
{
    Callee callee = callee_of(run);
    PyObject *function = callee.function == NULL ? function_of_partial(run) : NULL;
    if (function != NULL) {
        run = function;             /* a partial of a partial is made as one */
        callee = callee_of(run);
    }
    if (callee.function != NULL) {
        return callee.function->func_code;
    }
    if (PyCFunction_Check(run)) {
        return ((PyCFunctionObject *)run)->m_ml;
    }
    return PyMethod_Check(run) ? (void *)PyMethod_GET_FUNCTION(run) : (void *)Py_TYPE(run);
}
