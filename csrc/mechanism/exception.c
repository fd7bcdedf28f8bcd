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

/* It does not keep its traceback. Otherwise the frames of the traceback would live on in the
 * parent, and what they hold would be finalised there. */
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
    /* One MemoryError is enough. CPython has a few in reserve, and needing another one when
     * there is no memory is fatal. */
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
