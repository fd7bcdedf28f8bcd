#include "object.h"

#include "kill.h"
#include "marks.h"
#include "timeline.h"

/* To CPython, more memory behind an object is that of a type whose instances vary in length.
 * (PyUnstable_Object_GC_NewWithExtraData is there from 3.12 on.) */
static PyTypeObject Block = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "switchlib._mechanism.Block",
    .tp_basicsize = sizeof(PyVarObject),
    .tp_itemsize = 1,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = greenlet_traverse,
};

/* Like PyType_GenericAlloc, with a state behind the object. That is one allocation. And if there
 * are very many greenlets, a switch need not wait for memory a second time to find the state. */
static Greenlet *
alloc_with_state(PyTypeObject *type)
{
    size_t alignment = _Alignof(State);
    size_t offset = ((size_t)type->tp_basicsize + alignment - 1) / alignment * alignment;
    size_t size = offset + sizeof(State);
    PyVarObject *block = PyObject_GC_NewVar(PyVarObject, &Block,
                                            (Py_ssize_t)(size - sizeof(PyVarObject)));
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

/* For a type of an extension which allocates its objects itself. */
static Greenlet *
alloc_with_separate_state(PyTypeObject *type)
{
    /* The state first: no object may be seen without one, not even by a subclass's __del__. */
    State *state = PyObject_Calloc(1, sizeof(State));
    if (state == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    state->is_separate = true;
    Greenlet *self = (Greenlet *)type->tp_alloc(type, 0);
    if (self == NULL) {
        PyObject_Free(state);
        return NULL;
    }
    self->state = state;
    return self;
}

Greenlet *
greenlet_alloc(PyTypeObject *type, Thread *thread)
{
    bool is_usual = type->tp_alloc == PyType_GenericAlloc;
    Greenlet *self = is_usual ? alloc_with_state(type) : alloc_with_separate_state(type);
    if (self != NULL) {
        registry_add(&thread->listed, self);
        arena_greenlets++;
    }
    return self;
}

int
object_install(void)
{
    return PyType_Ready(&Block);
}

/* Whether switchlib must visit and drop the reference that an instance of `type` has to its
 * class. CPython does it for a class written in Python whose nearest base in C is static, such
 * as the types that Cython derives from ours (see subtype_dealloc in Objects/typeobject.c). */
static bool
counts_class(PyTypeObject *type)
{
    PyTypeObject *base = type;
    while (base->tp_dealloc == type->tp_dealloc && base->tp_dealloc != greenlet_dealloc) {
        base = base->tp_base;
    }
    return PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
        && PyType_HasFeature(base, Py_TPFLAGS_HEAPTYPE);
}

/* Whether the collector sees what the frames of a greenlet own. It empties what it has found,
 * unless a finaliser brings that back to life. So our finaliser must be the one that it calls,
 * and must not have been called yet. Between two walks of the collector with nothing else in
 * between, the second may not see less than the first: the collector would take what is in use
 * for unreachable. */
static bool
shows_frames(Greenlet *self)
{
    return self->state->slice.start != NULL && !tstate_finalizing()
        && can_be_finalized(self)
        && mark_generators(self);
}

static inline const PyGC_Head *
next_of(const PyGC_Head *head)
{
    return (const PyGC_Head *)(head->_gc_next & ~(uintptr_t)3);     /* without the flags */
}

/* A full collection with very many greenlets waits for memory, above all. So what comes next is
 * asked for while this one is visited: the frame of the next object in the collector's list, which
 * often is a greenlet, too, and of the same class; and the object after that one. `next` may also
 * be a head of a list, with other memory behind it. (GCC takes a function that only prefetches for
 * one without effect, and drops its call unless it is inlined first.) */
static inline __attribute__((always_inline)) void
prefetch(const Greenlet *self)
{
    const PyGC_Head *next = next_of((const PyGC_Head *)self - 1);
    if (next == NULL || self->state == NULL || self->state->is_separate) {
        return;
    }
    const char *after_next = (const char *)next_of(next);
    for (size_t i = 0; i < sizeof(PyGC_Head) + sizeof(Greenlet) + sizeof(State); i += 64) {
        __builtin_prefetch(after_next + i);
    }
    const Greenlet *other = (const Greenlet *)(next + 1);
    const State *state = (State *)((char *)other + ((char *)self->state - (char *)self));
    if (Py_TYPE(other) == Py_TYPE(self) && other->state == state) {
        __builtin_prefetch(state->tstate.frame);
        __builtin_prefetch((char *)state->tstate.frame + 64);
    }
}

int
greenlet_traverse(PyObject *object, visitproc visit, void *arg)
{
    Greenlet *self = (Greenlet *)object;
    prefetch(self);
    if (counts_class(Py_TYPE(self))) {
        Py_VISIT(Py_TYPE(self));
    }
    Py_VISIT(self->dict);
    if (self->state != NULL) {
        Py_VISIT(self->state->parent);
        Py_VISIT(self->state->run);
        return tstate_traverse(&self->state->tstate, shows_frames(self), visit, arg);
    }
    return 0;
}

int
greenlet_clear(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    if (self->state != NULL && !is_unstarted(self->state) && is_suspended(self->state)
        && !tstate_finalizing()) {
        /* Its class has a __del__ of its own, which did not call ours, or ours was called
         * before. Nothing that its frames own was cleared, since the collector does not see
         * that. */
        add_unreachable(self);
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
    registry_remove(state);
    self->state = NULL;
    if (state->thread != NULL && state->thread->first_of_row == self) {
        state->thread->first_of_row = NULL;
    }
    stack_forget(&state->slice);
    tstate_clear(&state->tstate);
    Py_XDECREF(state->parent);
    Py_XDECREF(state->run);
    if (state->thread != NULL) {
        main_greenlets -= state->slice.stop == STACK_END;
        thread_release(state->thread);
    }
    arena_greenlets--;
    if (unlikely(state->is_separate || state->is_recorded)) {
        timeline_forget(state);
        if (state->is_separate) {
            PyObject_Free(state);
        }
    }
}

/* Undoes what CPython did to an object when its last reference went, and what CPython will do to
 * the class that the object had then. */
static void
resurrect(PyObject *object, PyTypeObject *type)
{
    Py_ssize_t count = Py_REFCNT(object);
    _Py_NewReference(object);       /* which counts one more in the total of all, ... */
    Py_SET_REFCNT(object, count + 1);
    Py_DECREF(object);              /* ... and this one less */
    if (!PyObject_GC_IsTracked(object)) {
        PyObject_GC_Track(object);
    }
    if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && !counts_class(type)) {
        Py_INCREF(type);            /* which CPython will drop when tp_dealloc has returned */
    }
}

/* Finalises a suspended greenlet that has lost its last reference. Returns whether it lives on. */
static bool
survives_end(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (PyObject_CallFinalizerFromDealloc(object) < 0) {
        return true;                /* CPython itself has done what `resurrect` does */
    }
    if (self->state->slice.start == NULL) {
        return false;
    }
    /* A subclass's __del__ has replaced ours, or the greenlet was finalised before and lived on. */
    Py_SET_REFCNT(object, 1);
    greenlet_finalize(object);
    Py_SET_REFCNT(object, Py_REFCNT(object) - 1);
    if (Py_REFCNT(object) == 0) {
        return false;
    }
    resurrect(object, type);
    return true;
}

void
greenlet_dealloc(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    PyTypeObject *type = Py_TYPE(self);
    if (self->state != NULL && self->state->slice.start != NULL && survives_end(object)) {
        return;
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
