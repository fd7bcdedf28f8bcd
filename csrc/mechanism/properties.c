#include "properties.h"

#include "enter.h"
#include "hidden.h"

static PyObject *
ask_getter(PyObject *self, int which)
{
    Thread *thread = thread_enter();
    return thread == NULL ? NULL : ask(thread, which, &self, 1, NULL);
}

int
ask_setter(PyObject *self, PyObject *value, void *closure)
{
    int which = (int)(intptr_t)closure + (value == NULL ? 2 : 1);
    Thread *thread = thread_enter();
    PyObject *asked[] = {self, value};
    PyObject *none = thread == NULL ? NULL : ask(thread, which, asked, value == NULL ? 1 : 2, NULL);
    Py_XDECREF(none);
    return none == NULL ? -1 : 0;
}

static PyObject *
get_run(PyObject *self, void *Py_UNUSED(closure))
{
    State *state = ((Greenlet *)self)->state;
    if (likely(may_read_at_once() && is_unstarted(state) && state->run != NULL)) {
        return Py_NewRef(state->run);
    }
    return ask_getter(self, P_GET_RUN);
}

static PyObject *
get_parent(PyObject *self, void *Py_UNUSED(closure))
{
    if (likely(may_read_at_once())) {
        Greenlet *parent = ((Greenlet *)self)->state->parent;
        return Py_NewRef(parent == NULL ? Py_None : (PyObject *)parent);
    }
    return ask_getter(self, P_GET_PARENT);
}

/* eventlet sets the parent before each switch to its hub. */
static int
set_parent(PyObject *self, PyObject *value, void *closure)
{
    Thread *thread = thread_find();
    State *state = ((Greenlet *)self)->state;
    if (likely(thread != NULL && thread->fast_tstate != NULL && state->parent != NULL
               && (is_unstarted(state) || state->thread == thread)
               && value != NULL && is_greenlet(value)
               && ((Greenlet *)value)->state->thread == thread
               && store_parent((Greenlet *)self, (Greenlet *)value))) {
        return 0;
    }
    return ask_setter(self, value, closure);
}

PyObject **
context_of(Greenlet *self, bool *running)
{
    *running = is_current(self);
    if (*running && !is_thread_of(self->state->thread, tstate_get())) {
        return NULL;
    }
    return tstate_context(&self->state->tstate, *running ? tstate_get() : NULL);
}

static PyObject *
get_context(PyObject *self, void *Py_UNUSED(closure))
{
    bool running;
    PyObject **context = context_of((Greenlet *)self, &running);
    if (likely(may_read_at_once() && context != NULL)) {
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
    if (likely(may_read_at_once() && context != NULL && value != NULL
               && (value == Py_None || PyContext_CheckExact(value)))) {
        store_context(context, value, running);
        return 0;
    }
    return ask_setter(self, value, closure);
}

PyGetSetDef properties[] = {
    {"run", get_run, ask_setter, NULL, (void *)P_GET_RUN},
    {"parent", get_parent, set_parent, NULL, (void *)P_GET_PARENT},
    {"gr_context", get_context, set_context, NULL, (void *)P_GET_CONTEXT},
    {NULL, NULL, NULL, NULL, NULL},
};
