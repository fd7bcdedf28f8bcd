#include "exception.h"

PyObject *GreenletExit, *GreenletError;

void
raise_instance(PyObject *exception)
{
    PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception, PyException_GetTraceback(exception));
}

PyObject *
take_instance(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyException_SetTraceback(value, traceback == NULL ? Py_None : traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
}

/* It does not bear its traceback, whose frames would live on in the parent, where what they hold
 * would be finalised. */
PyObject *
exit_value(void)
{
    PyObject *exit = take_instance();
    if (!PyErr_GivenExceptionMatches(exit, GreenletExit)) {
        raise_instance(exit);
        return NULL;
    }
    PyException_SetTraceback(exit, Py_None);
    return exit;
}

void
set_context_of_exception(PyObject *cause)
{
    /* One MemoryError is enough: CPython sets few of them aside, and to need another one without
     * memory is fatal. */
    if (cause != NULL && PyErr_GivenExceptionMatches(cause, PyExc_MemoryError)
        && PyErr_ExceptionMatches(PyExc_MemoryError)) {
        raise_instance(Py_NewRef(cause));
        return;
    }
    PyObject *exception = take_instance(), *context = PyException_GetContext(exception);
    if (cause != NULL && context == NULL && exception != cause) {
        PyException_SetContext(exception, Py_NewRef(cause));
    }
    Py_XDECREF(context);
    raise_instance(exception);
}
