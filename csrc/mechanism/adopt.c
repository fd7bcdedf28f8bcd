#include "adopt.h"

#include "call.h"
#include "debug_offsets.h"
#include "exception.h"
#include "hidden.h"
#include "object.h"
#include "properties.h"
#include "type.h"

/* The builtins that replace the policy's functions in the public class. */
static PyMethodDef class_methods[] = {
    {"switch", (PyCFunction)(void (*)(void))greenlet_switch, METH_FASTCALL | METH_KEYWORDS,
     "switch($self, /, *args, **kwargs)\n--\n\n"},
    {"throw", (PyCFunction)(void (*)(void))greenlet_throw, METH_FASTCALL,
     "throw($self, typ=..., val=None, tb=None, /)\n--\n\n"},
};
static const int class_method_policies[] = {P_SWITCH, P_THROW};

/* Takes attribute `name` out of the policy class and returns it. */
static PyObject *
take_attribute(PyObject *class, const char *name)
{
    PyObject *value = PyDict_GetItemString(((PyTypeObject *)class)->tp_dict, name);
    if (value == NULL) {
        PyErr_Format(PyExc_TypeError, "the policy class has no %s", name);
        return NULL;
    }
    Py_INCREF(value);
    if (PyObject_SetAttrString(class, name, NULL) < 0) {
        Py_CLEAR(value);
    }
    return value;
}

/* A C string that lives as long as the process: `prefix` and the object's docstring. */
static const char *
permanent_doc(const char *prefix, PyObject *object)
{
    PyObject *doc = PyObject_GetAttrString(object, "__doc__");
    PyObject *text = doc == NULL ? NULL : PyUnicode_FromFormat("%s%S", prefix, doc);
    const char *utf8 = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    Py_XDECREF(doc);
    return utf8;                    /* `text` stays: it owns the characters */
}

static int
adopt_method(PyObject *class, PyMethodDef *method, int which)
{
    PyObject *function = take_attribute(class, method->ml_name);
    if (function == NULL || (method->ml_doc = permanent_doc(method->ml_doc, function)) == NULL) {
        Py_XDECREF(function);
        return -1;
    }
    policy[which] = function;
    PyObject *descriptor = PyDescr_NewMethod((PyTypeObject *)class, method);
    int status = descriptor == NULL
        ? -1
        : PyObject_SetAttrString(class, method->ml_name, descriptor);
    Py_XDECREF(descriptor);
    return status;
}

static int
adopt_property(PyObject *class, PyGetSetDef *getset)
{
    PyObject *property = take_attribute(class, getset->name);
    if (property == NULL || (getset->doc = permanent_doc("", property)) == NULL) {
        Py_XDECREF(property);
        return -1;
    }
    static const char *const parts[] = {"fget", "fset", "fdel"};
    for (int i = 0; i < 3; i++) {
        PyObject *function = PyObject_GetAttrString(property, parts[i]);
        if (function == NULL) {
            Py_DECREF(property);
            return -1;
        }
        policy[(intptr_t)getset->closure + i] = function;
    }
    Py_DECREF(property);
    PyObject *descriptor = PyDescr_NewGetSet((PyTypeObject *)class, getset);
    int status = descriptor == NULL ? -1 : PyObject_SetAttrString(class, getset->name, descriptor);
    Py_XDECREF(descriptor);
    return status;
}

/* Two names say to which module a class belongs: `__module__`, and the name that descriptors,
 * messages and profilers in C print, which has the module only if it is part of the name. */
static int
name_public(PyTypeObject *type, PyObject *module_name)
{
    PyObject *text = PyUnicode_FromFormat("%U.greenlet", module_name);
    const char *utf8 = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    if (utf8 == NULL || PyDict_SetItemString(type->tp_dict, "__module__", module_name) < 0) {
        Py_XDECREF(text);
        return -1;
    }
    type->tp_name = utf8;           /* `text` stays: it owns the characters */
    PyType_Modified(type);
    return 0;
}

PyObject *
store_module(PyObject *Py_UNUSED(module), PyObject *name)
{
    if (Public == NULL || !PyUnicode_Check(name)) {
        PyErr_SetString(PyExc_TypeError,
                        "store_module() takes the name of a module, after adopt()");
        return NULL;
    }
    return name_public(Public, name) < 0 ? NULL : Py_NewRef(Py_None);
}

PyObject *
adopt(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *class, *error, *exit;
    if (!PyArg_ParseTuple(args, "O!OO:adopt", &PyType_Type, &class, &error, &exit)) {
        return NULL;
    }
    if (Public != NULL || !PyType_IsSubtype((PyTypeObject *)class, Base)) {
        PyErr_SetString(PyExc_TypeError, "adopt() takes one class, derived from Base, once");
        return NULL;
    }
    if ((policy[P_INIT] = take_attribute(class, "__init__")) == NULL
        || (policy[P_SWITCH_POSITIONAL] = take_attribute(class, "_switch_positional")) == NULL
        || (policy[P_END] = take_attribute(class, "_end")) == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(class_methods); i++) {
        if (adopt_method(class, &class_methods[i], class_method_policies[i]) < 0) {
            return NULL;
        }
    }
    for (PyGetSetDef *property = properties; property->name != NULL; property++) {
        if (adopt_property(class, property) < 0) {
            return NULL;
        }
    }
    function_vectorcall = ((PyFunctionObject *)policy[P_END])->vectorcall;
    PyTypeObject *type = (PyTypeObject *)class;
    /* The slots that type() installed would call back into those of subclasses made by Cython,
     * and those would call them, for ever. */
    type->tp_dealloc = greenlet_dealloc;
    type->tp_traverse = greenlet_traverse;
    type->tp_clear = greenlet_clear;
    type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    Base->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    Public = (PyTypeObject *)Py_NewRef(class);
    choose_vectorcall();
    GreenletError = Py_NewRef(error);
    GreenletExit = Py_NewRef(exit);
    PyType_Modified(type);
    debug_offsets_install();
    return Py_NewRef(class);
}
