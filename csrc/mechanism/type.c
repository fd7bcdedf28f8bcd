/* The type: what a greenlet is to Python, and the policy class that it adopts. */
#include "parts.h"

#include <structmember.h>

PyTypeObject *Base, *Public;
PyObject *GreenletExit, *GreenletError;

bool
store_parent(Greenlet *self, Greenlet *parent)
{
    Walk walk = walk_from(parent);
    for (; walk.at != NULL; walk_up(&walk)) {
        if (walk.at == self) {
            return false;
        }
    }
    if (walk.left < 0) {
        return false;
    }
    Greenlet *old = self->state->parent;
    self->state->parent = (Greenlet *)Py_NewRef(parent);
    Py_XDECREF(old);
    return true;
}

/* To CPython, room behind an object is that of a type whose instances vary in length. (PyUnstable_Object_GC_NewWithExtraData
 * is there from 3.12 on.) */
static PyTypeObject Block = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "switchlib._mechanism.Block",
    .tp_basicsize = sizeof(PyVarObject),
    .tp_itemsize = 1,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = greenlet_traverse,
};

/* As PyType_GenericAlloc, with a state behind the object: one allocation, and among very many greenlets the state is found
 * where its object is, not by one more wait for memory. */
static Greenlet *
alloc_with_state(PyTypeObject *type)
{
    size_t offset = ((size_t)type->tp_basicsize + _Alignof(State) - 1) / _Alignof(State) * _Alignof(State);
    size_t size = offset + sizeof(State);
    PyVarObject *block = PyObject_GC_NewVar(PyVarObject, &Block, (Py_ssize_t)(size - sizeof(PyVarObject)));
    if (block == NULL) {
        return NULL;
    }
    memset((char *)block + sizeof(PyObject), 0, size - sizeof(PyObject));
    Py_SET_TYPE(block, type);
    if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        Py_INCREF(type);
    }
    Greenlet *self = (Greenlet *)block;
    self->state = (State *)((char *)block + offset);
    PyObject_GC_Track(self);
    return self;
}

/* For a type of an extension that allocates its objects itself. */
static Greenlet *
alloc_apart_from_state(PyTypeObject *type)
{
    /* The state first: no object may be seen without one, not even by a subclass's __del__. */
    State *state = PyObject_Calloc(1, sizeof(State));
    if (state == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    state->apart = true;
    Greenlet *self = (Greenlet *)type->tp_alloc(type, 0);
    if (self == NULL) {
        PyObject_Free(state);
        return NULL;
    }
    self->state = state;
    return self;
}

Greenlet *
greenlet_alloc(PyTypeObject *type)
{
    Greenlet *self = type->tp_alloc == PyType_GenericAlloc ? alloc_with_state(type) : alloc_apart_from_state(type);
    arena_greenlets += self != NULL;
    return self;
}

static PyObject *
greenlet_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    if (unlikely(type == Base)) {
        PyErr_SetString(PyExc_TypeError, "cannot create 'switchlib._mechanism.Base' instances");
        return NULL;
    }
    if (unlikely(type->tp_flags & Py_TPFLAGS_IS_ABSTRACT)) {
        return PyBaseObject_Type.tp_new(type, empty_tuple, NULL);       /* which says what is abstract */
    }
    Thread *thread = thread_here();
    Greenlet *self = thread == NULL ? NULL : greenlet_alloc(type);
    if (self != NULL) {
        self->state->parent = (Greenlet *)Py_NewRef(thread->current);
    }
    return (PyObject *)self;
}

/* The shortcut for initialising with one or two positional arguments. Returns false if it does not apply. */
static bool
init_fast(Thread *thread, Greenlet *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *parent = nargs > 1 ? args[1] : Py_None, *old = NULL;
    if (thread == NULL || thread->fast == NULL || nargs > 2 || !is_unstarted(self->state)
        || (parent != Py_None && (!is_greenlet(parent) || ((Greenlet *)parent)->state->thread != thread))) {
        return false;
    }
    if (nargs > 0) {
        old = self->state->run;
        self->state->run = Py_NewRef(args[0]);
    }
    bool stored = parent == Py_None || store_parent(self, (Greenlet *)parent);
    Py_XDECREF(old);                /* last: it may run anything, even start self */
    return stored;
}

static int
greenlet_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    Thread *thread = thread_here();
    if (thread == NULL) {
        return -1;
    }
    Py_ssize_t nargs = PyTuple_GET_SIZE(args);
    if ((kwargs == NULL || PyDict_GET_SIZE(kwargs) == 0)
        && init_fast(thread, (Greenlet *)self, &PyTuple_GET_ITEM(args, 0), nargs)) {
        return 0;
    }
    static const char *const names[] = {"run", "parent", NULL};
    PyObject *run = NULL, *parent = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:greenlet", (char **)names, &run, &parent)) {
        return -1;
    }
    /* A run that is missing is not a run that is None. */
    PyObject *asked[] = {self, parent == NULL ? Py_None : parent, run};
    PyObject *none = ask(thread, P_INIT, asked, 1, run == NULL ? parent_keyword : parent_run_keywords);
    Py_XDECREF(none);
    return none == NULL ? -1 : 0;
}

/* greenlet(run, parent) without the detour through tp_new, tp_init, a tuple and a dict. */
static PyObject *
greenlet_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    PyObject *self = greenlet_new((PyTypeObject *)type, NULL, NULL);
    if (self == NULL || (kwnames == NULL && init_fast(thread_find(true), (Greenlet *)self, args, nargs))) {
        return self;
    }
    PyObject *tuple, *dict;
    if (pack_call(args, nargs, kwnames, &tuple, &dict) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (greenlet_init(self, tuple, dict) < 0) {
        release(self);
        self = NULL;
    }
    release(tuple);
    release(dict);
    return self;
}

int
greenlet_bool(PyObject *self)
{
    return is_suspended(((Greenlet *)self)->state) || is_current((Greenlet *)self);
}

static bool
is_dead(Greenlet *g)
{
    return !is_unstarted(g->state) && !is_suspended(g->state) && !is_current(g);
}

static PyObject *
get_dead(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(is_dead((Greenlet *)self));
}

static PyObject *
get_stack_saved(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(((Greenlet *)self)->state->slice.saved);
}

static PyObject *
get_frame(PyObject *self, void *Py_UNUSED(closure))
{
    State *state = ((Greenlet *)self)->state;
    if (state->slice.start == NULL) {
        Py_RETURN_NONE;
    }
    return tstate_frame(&state->tstate, tstate_get());
}

void
give_dict(Greenlet *self)
{
    PyObject *dict = PyDict_New();
    if (self->dict == NULL) {
        self->dict = dict;
    }
    else {
        Py_XDECREF(dict);
    }
    if (dict == NULL) {
        PyErr_Clear();
    }
}

static PyObject *
get_dict(PyObject *self, void *Py_UNUSED(closure))
{
    if (((Greenlet *)self)->dict == NULL) {
        give_dict((Greenlet *)self);
    }
    PyObject *dict = ((Greenlet *)self)->dict;
    return dict == NULL ? PyErr_NoMemory() : Py_NewRef(dict);
}

static int
set_dict(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL || !PyDict_Check(value)) {
        PyErr_SetString(PyExc_TypeError, value == NULL ? "__dict__ may not be deleted"
                                                       : "__dict__ must be a dictionary");
        return -1;
    }
    PyObject *old = ((Greenlet *)self)->dict;
    ((Greenlet *)self)->dict = Py_NewRef(value);
    Py_XDECREF(old);
    return 0;
}

/* The three properties that policy guards. `closure` tells which policy function comes first of its three. */

static PyObject *
ask_getter(PyObject *self, int which)
{
    Thread *thread = thread_here();
    return thread == NULL ? NULL : ask(thread, which, &self, 1, NULL);
}

int
ask_setter(PyObject *self, PyObject *value, void *closure)
{
    int which = (int)(intptr_t)closure + (value == NULL ? 2 : 1);
    Thread *thread = thread_here();
    PyObject *asked[] = {self, value};
    PyObject *none = thread == NULL ? NULL : ask(thread, which, asked, value == NULL ? 1 : 2, NULL);
    Py_XDECREF(none);
    return none == NULL ? -1 : 0;
}

static PyObject *
get_run(PyObject *self, void *Py_UNUSED(closure))
{
    State *state = ((Greenlet *)self)->state;
    if (likely(here->fast != NULL && is_unstarted(state) && state->run != NULL)) {
        return Py_NewRef(state->run);
    }
    return ask_getter(self, P_GET_RUN);
}

static PyObject *
get_parent(PyObject *self, void *Py_UNUSED(closure))
{
    if (likely(here->fast != NULL)) {
        Greenlet *parent = ((Greenlet *)self)->state->parent;
        return Py_NewRef(parent == NULL ? Py_None : (PyObject *)parent);
    }
    return ask_getter(self, P_GET_PARENT);
}

/* eventlet sets the parent before each switch to its hub. */
static int
set_parent(PyObject *self, PyObject *value, void *closure)
{
    Thread *thread = thread_find(false);
    State *state = ((Greenlet *)self)->state;
    if (likely(thread != NULL && thread->fast != NULL && state->parent != NULL
               && (is_unstarted(state) || state->thread == thread)
               && value != NULL && is_greenlet(value) && ((Greenlet *)value)->state->thread == thread
               && store_parent((Greenlet *)self, (Greenlet *)value))) {
        return 0;
    }
    return ask_setter(self, value, closure);
}

PyObject **
context_of(Greenlet *self, bool *running)
{
    *running = is_current(self);
    if (*running && !is_here(self->state->thread, tstate_get())) {
        return NULL;
    }
    return tstate_context(&self->state->tstate, *running ? tstate_get() : NULL);
}

static PyObject *
get_context(PyObject *self, void *Py_UNUSED(closure))
{
    bool running;
    PyObject **context = context_of((Greenlet *)self, &running);
    if (likely(here->fast != NULL && context != NULL)) {
        return Py_NewRef(*context == NULL ? Py_None : *context);
    }
    return ask_getter(self, P_GET_CONTEXT);
}

void
store_context(PyObject **context, PyObject *value, bool running)
{
    PyObject *old = *context;
    *context = value == Py_None ? NULL : Py_NewRef(value);
    if (running) {
        tstate_context_changed(tstate_get());
    }
    Py_XDECREF(old);
}

static int
set_context(PyObject *self, PyObject *value, void *closure)
{
    bool running;
    PyObject **context = context_of((Greenlet *)self, &running);
    if (likely(here->fast != NULL && context != NULL && value != NULL
               && (value == Py_None || PyContext_CheckExact(value)))) {
        store_context(context, value, running);
        return 0;
    }
    return ask_setter(self, value, closure);
}
/* ---------------------------------------------------------------------------------- Base and the policy class */

static PyGetSetDef base_getset[] = {
    {"dead", get_dead, NULL, "True if the greenlet has ended; it can never run again.", NULL},
    {"gr_frame", get_frame, NULL,
     "The frame in which a suspended greenlet stands, even if its thread has ended; else None.", NULL},
    {"_stack_saved", get_stack_saved, NULL, "Bytes of its stack that lie in the heap.", NULL},
    {"__dict__", get_dict, set_dict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef base_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Greenlet, weakreflist), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(Greenlet, dict), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot base_slots[] = {
    {Py_tp_new, greenlet_new},
    {Py_tp_init, greenlet_init},
    {Py_tp_dealloc, greenlet_dealloc},
    {Py_tp_finalize, greenlet_finalize},
    {Py_tp_traverse, greenlet_traverse},
    {Py_tp_clear, greenlet_clear},
    {Py_nb_bool, greenlet_bool},
    {Py_tp_getset, base_getset},
    {Py_tp_members, base_members},
    {0, NULL},
};

static PyType_Spec base_spec = {
    .name = "switchlib._mechanism.Base",
    .basicsize = sizeof(Greenlet),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = base_slots,
};

int
base_type_make(void)
{
    Base = (PyTypeObject *)PyType_FromSpec(&base_spec);
    return Base == NULL ? -1 : PyType_Ready(&Block);
}

/* The builtins that stand in the public class where the policy functions stood. */
static PyMethodDef class_methods[] = {
    {"switch", (PyCFunction)(void (*)(void))greenlet_switch, METH_FASTCALL | METH_KEYWORDS,
     "switch($self, /, *args, **kwargs)\n--\n\n"},
    {"throw", (PyCFunction)(void (*)(void))greenlet_throw, METH_FASTCALL,
     "throw($self, typ=..., val=None, tb=None, /)\n--\n\n"},
};
static const int class_method_policies[] = {P_SWITCH, P_THROW};

static PyGetSetDef class_getset[] = {
    {"run", get_run, ask_setter, NULL, (void *)P_GET_RUN},
    {"parent", get_parent, set_parent, NULL, (void *)P_GET_PARENT},
    {"gr_context", get_context, set_context, NULL, (void *)P_GET_CONTEXT},
};

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
    int status = descriptor == NULL ? -1 : PyObject_SetAttrString(class, method->ml_name, descriptor);
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

/* Two names say of which module a class is: `__module__`, and the one that descriptors, messages and profilers in C print,
 * which has the module only if it is written there. */
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
        PyErr_SetString(PyExc_TypeError, "store_module() takes the name of a module, after adopt()");
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
    for (size_t i = 0; i < Py_ARRAY_LENGTH(class_getset); i++) {
        if (adopt_property(class, &class_getset[i]) < 0) {
            return NULL;
        }
    }
    function_vectorcall = ((PyFunctionObject *)policy[P_END])->vectorcall;
    PyTypeObject *type = (PyTypeObject *)class;
    /* What type() installed would call back into subclasses made by Cython, and these into it, for ever. */
    type->tp_dealloc = greenlet_dealloc;
    type->tp_traverse = greenlet_traverse;
    type->tp_clear = greenlet_clear;
    type->tp_vectorcall = greenlet_vectorcall;
    type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    Base->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    Public = (PyTypeObject *)Py_NewRef(class);
    GreenletError = Py_NewRef(error);
    GreenletExit = Py_NewRef(exit);
    PyType_Modified(type);
    return Py_NewRef(class);
}
