/* The end of greenlets that nobody refers to. */
#include "parts.h"

Greenlet last_doomed;

/* Adds a greenlet to one of its thread's two lists, unless it is in one. */
static void
add_doomed(Greenlet **list, Greenlet *g)
{
    if (g->state->next == NULL) {
        g->state->next = *list == NULL ? &last_doomed : *list;
        *list = (Greenlet *)Py_NewRef(g);
        set_fast(g->state->thread);
    }
}

/* Takes the first greenlet off such a list; the caller owns it. */
static Greenlet *
take_doomed(Greenlet **list)
{
    Greenlet *g = *list;
    *list = g->state->next == &last_doomed ? NULL : g->state->next;
    g->state->next = NULL;
    set_fast(g->state->thread);
    return g;
}

static void kill(Thread *thread, Greenlet *self);

void
kill_doomed(Thread *thread)
{
    while (thread->doomed != NULL) {
        release((PyObject *)take_doomed(&thread->doomed));
    }
    while (thread->unreachable != NULL) {
        Greenlet *g = take_doomed(&thread->unreachable);
        if (is_suspended(g->state)) {
            kill(thread, g);
        }
        release((PyObject *)g);
    }
}

/* Throws GreenletExit into a suspended greenlet that lost its last reference; the caller holds one for the
 * time. Its parent is the current greenlet while it dies. */
static void
kill(Thread *thread, Greenlet *self)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    Greenlet *parent = self->state->parent;
    self->state->parent = (Greenlet *)Py_NewRef(thread->current);

    PyErr_SetObject(GreenletExit, vanished);
    Py_INCREF(self);
    thread->target = self;
    thread->payload = NULL;
    PyObject *result = swap(leave, arrive, thread);
    if (result == NULL) {
        PyErr_WriteUnraisable((PyObject *)self);
    }
    Py_XDECREF(result);

    if (parent != NULL) {
        store_parent(self, parent); /* unless it has become a child of self: then the killer stays the parent */
        Py_DECREF(parent);
    }
    if (is_suspended(self->state) && Py_REFCNT(self) == 1) {
        PyObject *file = Py_XNewRef(PySys_GetObject("stderr"));
        Py_INCREF(self);            /* for ever: nobody can run it, and it cannot be freed */
        if (file != NULL && file != Py_None
            && (PyFile_WriteString("GreenletExit did not kill ", file) < 0
                || PyFile_WriteObject((PyObject *)self, file, 0) < 0
                || PyFile_WriteString("\n", file) < 0)) {
            PyErr_WriteUnraisable((PyObject *)self);
        }
        Py_XDECREF(file);
    }
    PyErr_Restore(type, value, traceback);
}

/* Frees the stack of a greenlet that can never run again. */
static void
abandon(Greenlet *self)
{
    State *state = self->state;
    if (state->slice.start != NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        stack_forget(&state->slice);
        tstate_abandon(&state->tstate);
        PyErr_Restore(type, value, traceback);
    }
}

void
greenlet_finalize(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    if (self->state == NULL || self->state->slice.start == NULL) {
        return;
    }
    Thread *thread = self->state->thread;
    if (is_main(self)) {
        return;                     /* somebody calls __del__ */
    }
    if (thread->tstate == NULL) {
        abandon(self);
    }
    else if (is_finalizing()) {
        Py_INCREF(self);            /* for ever: it can neither run nor, in the midst of the stacks, be freed */
    }
    else if (thread == thread_find(false) && !tstate_collecting(thread->tstate)) {
        kill(thread, self);
    }
    else {                          /* it dies when its own thread next asks for greenlets, outside the collector */
        add_doomed(tstate_collecting(tstate_get()) ? &thread->unreachable : &thread->doomed, self);
    }
}

/* Whether it is for us to visit and to drop the reference that an instance of `type` has to its class. CPython does it
 * for a class of Python's whose nearest C base is static, as the types are that Cython derives from ours (see
 * subtype_dealloc in Objects/typeobject.c). */
static bool
counts_class(PyTypeObject *type)
{
    PyTypeObject *base = type;
    while (base->tp_dealloc == type->tp_dealloc && base->tp_dealloc != greenlet_dealloc) {
        base = base->tp_base;
    }
    return PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && PyType_HasFeature(base, Py_TPFLAGS_HEAPTYPE);
}

int
greenlet_traverse(PyObject *object, visitproc visit, void *arg)
{
    Greenlet *self = (Greenlet *)object;
    if (counts_class(Py_TYPE(self))) {
        Py_VISIT(Py_TYPE(self));
    }
    Py_VISIT(self->dict);
    if (self->state != NULL) {
        Py_VISIT(self->state->parent);
        Py_VISIT(self->state->run);
        return tstate_traverse(&self->state->tstate, visit, arg);
    }
    return 0;
}

int
greenlet_clear(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    if (self->state != NULL && !is_unstarted(self->state) && is_suspended(self->state) && !is_finalizing()) {
        /* It was finalised before and lived on. It dies once more, with all that it has. */
        add_doomed(&self->state->thread->unreachable, self);
        return 0;
    }
    Py_CLEAR(self->dict);
    if (self->state != NULL && self->state->slice.start == NULL) {
        Py_CLEAR(self->state->parent);
        Py_CLEAR(self->state->run);
        tstate_clear(&self->state->tstate);
    }
    return 0;
}

static void
free_state(Greenlet *self)
{
    State *state = self->state;
    if (state == NULL) {
        return;
    }
    self->state = NULL;
    stack_forget(&state->slice);
    tstate_clear(&state->tstate);
    Py_XDECREF(state->parent);
    Py_XDECREF(state->run);
    if (state->thread != NULL) {
        main_greenlets -= state->slice.stop == STACK_END;
        thread_release(state->thread);
    }
    PyObject_Free(state);
}

void
greenlet_dealloc(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    PyTypeObject *type = Py_TYPE(self);
    if (self->state != NULL && self->state->slice.start != NULL) {
        if (PyObject_CallFinalizerFromDealloc(object) < 0) {
            return;
        }
        if (self->state->slice.start != NULL) {
            /* A subclass's __del__ stands before ours, or it was finalised before and lived on. */
            Py_SET_REFCNT(object, 1);
            greenlet_finalize(object);
            Py_SET_REFCNT(object, Py_REFCNT(object) - 1);
            if (Py_REFCNT(object) > 0) {
                Py_ssize_t count = Py_REFCNT(object);
                _Py_NewReference(object);
                Py_SET_REFCNT(object, count);
                if (!PyObject_GC_IsTracked(object)) {
                    PyObject_GC_Track(object);
                }
                if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && !counts_class(type)) {
                    Py_INCREF(type);    /* which CPython will drop when we have returned */
                }
                return;
            }
        }
    }
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, greenlet_dealloc)
    if (self->weakreflist != NULL) {
        PyObject_ClearWeakRefs(object);
    }
    Py_CLEAR(self->dict);
    free_state(self);
    type->tp_free(self);
    if (counts_class(type)) {
        Py_DECREF(type);
    }
    Py_TRASHCAN_END
}
