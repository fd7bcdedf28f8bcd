/* See points.h. */
#include "thread.h"

#ifdef SWITCHLIB_POINTS

/* Made by the linker. */
extern point *const __start_switchlib_points[], *const __stop_switchlib_points[];

static PyObject *hook;              /* owned: what is to be called, */
static long countdown;  /* at the so many-th point from now on; less than 1 if at none */
static long passed;                 /* points since it was armed */
static const point *struck;         /* where it was called */

bool
point_reached(point *here, bool fails)
{
    Thread *thread = Base == NULL ? NULL : thread_find();  /* at import there are none */
    if (thread != NULL && (thread->target != NULL || thread->lent_function != NULL)) {
        fprintf(stderr, "%s:%d: %s may run something between a check and the switch\n", here->file,
                here->line, here->call);
        Py_FatalError("switchlib: something may run between a check and the switch");
    }
    here->reached++;
    if (hook == NULL) {
        return false;
    }
    passed++;
    if (--countdown != 0) {
        return false;
    }
    PyObject *function = hook, *type, *value, *traceback;
    hook = NULL;
    struck = here;
    (PyErr_Fetch)(&type, &value, &traceback);
    PyObject *fails_object = fails ? Py_True : Py_False;
    PyObject *result = (PyObject_Vectorcall)(function, &fails_object, 1, NULL);
    decref_for_real(function);
    bool raised = result == NULL;
    if (result != NULL) {
        decref_for_real(result);
    }
    if (raised && fails && type == NULL) {
        return true;
    }
    if (raised) {
        (PyErr_Clear)();
    }
    (PyErr_Restore)(type, value, traceback);
    return false;
}

/* arm_point(number, function): has the function called, once, at the so many-th point from now
 * on (from 1). It gets whether an exception that it raises makes the call there fail. */
static PyObject *
arm_point(PyObject *Py_UNUSED(module), PyObject *args)
{
    long number;
    PyObject *function;
    if (!PyArg_ParseTuple(args, "lO:arm_point", &number, &function)) {
        return NULL;
    }
    hook = Py_NewRef(function);
    countdown = number;
    passed = 0;
    struck = NULL;
    Py_RETURN_NONE;
}

/* disarm_point(): returns (how many points were passed meanwhile, the place that was struck or
 * None). */
static PyObject *
disarm_point(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *function = hook;
    hook = NULL;
    if (function != NULL) {
        decref_for_real(function);
    }
    if (struck == NULL) {
        return Py_BuildValue("(lO)", passed, Py_None);
    }
    PyObject *place = PyUnicode_FromFormat("%s:%d %s", struck->file, struck->line, struck->call);
    return Py_BuildValue("(lN)", passed, place);
}

/* points(): a list of all places, each a tuple (file, line, call, how often it was reached). */
static PyObject *
points(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *list = PyList_New(0);
    point *const *each = __start_switchlib_points;
    for (; list != NULL && each < __stop_switchlib_points; each++) {
        PyObject *item = Py_BuildValue("(sisi)", (*each)->file, (*each)->line, (*each)->call,
                                       (*each)->reached);
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        if (item != NULL) {
            decref_for_real(item);
        }
    }
    return list;
}

PyMethodDef point_functions[] = {
    {"arm_point", arm_point, METH_VARARGS, NULL},
    {"disarm_point", disarm_point, METH_NOARGS, NULL},
    {"points", points, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#endif
