#include "type.h"

#include "call.h"
#include "constants.h"
#include "enter.h"
#include "hidden.h"
#include "kill.h"
#include "object.h"
#include "timeline.h"
#include "watch.h"

#include <structmember.h>

/* A new greenlet, which is not yet initialised; NULL with an exception set. */
static inline PyObject *
make(PyTypeObject *type)
{
    if (unlikely(type == Base)) {
        PyErr_SetString(PyExc_TypeError, "cannot create 'switchlib._mechanism.Base' instances");
        return NULL;
    }
    if (unlikely(type->tp_flags & Py_TPFLAGS_IS_ABSTRACT)) {
        return PyBaseObject_Type.tp_new(type, empty_tuple, NULL);  /* which names the abstract
                                                                      methods */
    }
    Thread *thread = thread_enter();
    Greenlet *self = thread == NULL ? NULL : greenlet_alloc(type, thread);
    if (self != NULL) {
        self->state->parent = (Greenlet *)Py_NewRef(thread->current);
    }
    return (PyObject *)self;
}

static PyObject *
greenlet_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    PyObject *self = make(type);
    if (unlikely(watched_events & (CREATED | RECORDED_EVENTS)) && self != NULL) {
        Thread *thread = thread_find();
        if (thread->watched_by & RECORDED) {
            timeline_creation(thread, (Greenlet *)self);
        }
        report(thread, CREATED, (Greenlet *)self, (Details){.origin = thread->current});
    }
    return self;
}

/* The shortcut for up to two positional arguments. False if it does not apply. */
static bool
init_fast(Thread *thread, Greenlet *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *parent = nargs > 1 ? args[1] : Py_None, *old = NULL;
    if (thread == NULL || thread->fast_tstate == NULL || nargs > 2 || !is_unstarted(self->state)
        || (parent != Py_None
            && (!is_greenlet(parent) || ((Greenlet *)parent)->state->thread != thread))) {
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
    Thread *thread = thread_enter();
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
    PyObject *names_asked = run == NULL ? parent_keyword : parent_run_keywords;
    PyObject *none = ask(thread, P_INIT, asked, 1, names_asked);
    Py_XDECREF(none);
    return none == NULL ? -1 : 0;
}

/* Initialises a new greenlet, which it takes over and returns; NULL with an exception set. */
static PyObject *
initialise(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
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

/* greenlet(run, parent) without the detour through tp_new, tp_init, a tuple and a dict. */
static PyObject *
greenlet_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    PyObject *self = make((PyTypeObject *)type);
    if (self == NULL
        || (kwnames == NULL && init_fast(thread_enter_quietly(), (Greenlet *)self, args, nargs))) {
        return self;
    }
    return initialise(self, args, nargs, kwnames);
}

static PyObject *
vectorcall_reporting(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    PyObject *self = greenlet_new((PyTypeObject *)type, NULL, NULL);
    return self == NULL ? NULL : initialise(self, args, PyVectorcall_NARGS(nargsf), kwnames);
}

void
choose_vectorcall(void)
{
    if (Public != NULL) {
        bool is_reported = watched_events & (CREATED | RECORDED_EVENTS);
        Public->tp_vectorcall = is_reported ? vectorcall_reporting : greenlet_vectorcall;
    }
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
        const char *message = value == NULL
            ? "__dict__ may not be deleted"
            : "__dict__ must be a dictionary";
        PyErr_SetString(PyExc_TypeError, message);
        return -1;
    }
    PyObject *old = ((Greenlet *)self)->dict;
    ((Greenlet *)self)->dict = Py_NewRef(value);
    Py_XDECREF(old);
    return 0;
}

static PyGetSetDef base_getset[] = {
    {"dead", get_dead, NULL, "True if the greenlet has ended; it can never run again.", NULL},
    {"gr_frame", get_frame, NULL,
     "The frame in which a suspended greenlet stands, even if its thread has ended; None if it is\n"
     "not suspended.",
     NULL},
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
    return Base == NULL ? -1 : 0;
}
