/* The end of greenlets that nobody refers to.
 *
 * The greenlet that drops the last reference kills at once. What a victim drops as it dies is killed within that, and
 * so is what its result drops. A long chain must not nest as deep as it is long: below MOST_NESTED kills within each
 * other a victim waits in its thread's list, until one of them is over or somebody next asks for greenlets. */
#include "parts.h"

#define MOST_NESTED 16

/* How often a victim is sent on that kills others, which live on. */
#define MOST_ROUNDS 1000

/* A list is a ring that begins after the greenlet it refers to. Adds one at its end, unless it is in a list. */
static void
add_doomed(Greenlet **list, Greenlet *g)
{
    if (g->state->next == NULL) {
        Greenlet *last = *list;
        g->state->next = last == NULL ? g : last->state->next;
        if (last != NULL) {
            last->state->next = g;
        }
        *list = (Greenlet *)Py_NewRef(g);
        set_fast(g->state->thread);
    }
}

/* Takes the first greenlet off a list; the caller owns it. */
static Greenlet *
take_doomed(Greenlet **list)
{
    Greenlet *last = *list, *first = last->state->next;
    if (first == last) {
        *list = NULL;
    }
    else {
        last->state->next = first->state->next;
    }
    first->state->next = NULL;
    set_fast(first->state->thread);
    return first;
}

Py_ssize_t
count_doomed(const Greenlet *list)
{
    Py_ssize_t n = 0;
    if (list != NULL) {
        const Greenlet *g = list;
        do {
            n++;
            g = g->state->next;
        } while (g != list);
    }
    return n;
}

static inline bool
may_kill(const Thread *thread)
{
    return thread->current->state->depth < MOST_NESTED;
}

/* Whether a greenlet waits in a kill for its victim, which waits for its own ..., the last of which is `other`. */
static bool
waits_for(const State *state, const Greenlet *other)
{
    const Greenlet *victim = state->victim;
    for (long left = arena_greenlets; victim != NULL && victim != other && left > 0; left--) {
        victim = victim->state->victim;
    }
    return victim == other;
}

/* Whether `ancestor` is among the greenlet's parents, or their links go round. */
static bool
descends_from(const Greenlet *g, const Greenlet *ancestor)
{
    Walk walk = walk_from(g);
    while (walk.at != NULL && walk.at != ancestor) {
        walk_up(&walk);
    }
    return walk.at == ancestor || walk.left < 0;
}

/* The exception that a victim gets, or another one if it could not be made. This may run anything. */
static PyObject *
make_exit(void)
{
    PyErr_SetObject(GreenletExit, vanished);
    return take_instance();
}

/* Whether a greenlet, to which the caller holds a reference, can be killed in this thread: it is suspended, and no ancestor
 * of the current one, which would end into it. (One that nobody else refers to is nobody's ancestor.) */
static bool
is_victim(const Thread *thread, const Greenlet *g)
{
    return g->state->thread == thread && is_suspended(g->state)
        && (Py_REFCNT(g) == 1 || !descends_from(thread->current, g));
}

/* Throws an exception into a victim, which is taken over, or, if it is NULL, lets it go on with None. False if there was no
 * memory to get there: then nothing has changed. */
static bool
run_victim(Thread *thread, Greenlet *victim, PyObject *exception)
{
    State *killer = thread->current->state;
    PyObject *payload = exception == NULL ? Py_NewRef(Py_None) : exception;
    killer->victim = victim;
    thread->target = (Greenlet *)Py_NewRef(victim);
    thread->payload = payload;
    PyObject *result = swap(leave_or_stay, exception == NULL ? arrive : arrive_to_raise, thread);
    killer->victim = NULL;
    if (stayed_here(thread)) {
        Py_DECREF(payload);
        return false;
    }
    if (result == NULL) {
        PyErr_WriteUnraisable((PyObject *)victim);
    }
    Py_XDECREF(result);
    return true;
}

/* Nobody can run it any more, and it cannot be freed. */
static void
report_survivor(Greenlet *self)
{
    PyObject *file = Py_XNewRef(PySys_GetObject("stderr"));
    Py_INCREF(self);                /* for ever */
    if (file != NULL && file != Py_None
        && (PyFile_WriteString("GreenletExit did not kill ", file) < 0
            || PyFile_WriteObject((PyObject *)self, file, 0) < 0
            || PyFile_WriteString("\n", file) < 0)) {
        PyErr_WriteUnraisable((PyObject *)self);
    }
    Py_XDECREF(file);
}

/* Throws GreenletExit into a suspended greenlet; the caller holds a reference for the time. While it dies its parent is the
 * current greenlet. A victim that stands in a kill of its own, whose victim lived on, can be raised nothing: it goes on from
 * there first. One that waits for this greenlet would send it back, and so on for ever: it has to live on. False if there
 * was no memory: then the victim has to wait. */
static bool
kill_suspended(Thread *thread, Greenlet *self)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    State *state = self->state, *killer = thread->current->state;
    Greenlet *parent = NULL;
    int depth = 0;
    bool killed = true, told = false;
    for (int round = 0; round < MOST_ROUNDS && killed && is_victim(thread, self); round++) {
        PyObject *exit = NULL;
        if (state->victim == NULL) {
            exit = make_exit();
            if (!PyErr_GivenExceptionMatches(exit, GreenletExit)) {
                release(exit);
                killed = false;
                break;
            }
            if (!is_victim(thread, self) || state->victim != NULL) {    /* what ran as it was made has run the victim, too */
                release(exit);
                continue;
            }
            told = true;
        }
        if (depth == 0) {
            parent = state->parent;
            state->parent = (Greenlet *)Py_NewRef(thread->current);
            depth = ++killer->depth;
            state->depth += depth;
        }
        killed = run_victim(thread, self, exit);
        if ((told && state->victim == NULL) || waits_for(state, thread->current)) {
            break;
        }
    }
    if (depth != 0) {
        killer->depth--;
        state->depth -= depth;
        if (parent != NULL) {
            store_parent(self, parent); /* unless it has become a child of self: then the killer stays the parent */
            Py_DECREF(parent);
        }
    }
    if (killed && is_suspended(state) && Py_REFCNT(self) == 1) {
        report_survivor(self);
    }
    PyErr_Restore(type, value, traceback);
    return killed;
}

/* One round: kills those that are in the list now; if they are in `cycles` all, else those that nobody has got hold of
 * since. Who stands within such a kill may begin a round of its own, of what came to the list after this one began.
 * False if there was no memory to kill one, which then waits on. */
static bool
kill_list(Thread *thread, Greenlet **list, bool cycles)
{
    Greenlet *round = *list;
    bool killed = true;
    *list = NULL;
    set_fast(thread);
    while (round != NULL) {
        Greenlet *g = take_doomed(&round);
        if (killed && is_suspended(g->state) && (cycles || Py_REFCNT(g) == 1)) {
            killed = kill_suspended(thread, g);
        }
        if (!killed) {
            add_doomed(list, g);
        }
        release((PyObject *)g);
    }
    return killed;
}

void
kill_doomed(Thread *thread)
{
    if (thread->tstate != NULL && (!may_kill(thread) || collector_is_here(thread))) {
        return;
    }
    while ((thread->doomed != NULL && kill_list(thread, &thread->doomed, false))
           || (thread->unreachable != NULL && (thread->tstate == NULL || !tstate_collecting(thread->tstate))
               && kill_list(thread, &thread->unreachable, true))) {
    }
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
    Thread *thread = self->state->thread, *running = thread_find(false);
    if (is_main(self)) {
        return;                     /* somebody calls __del__ */
    }
    if (thread->tstate == NULL) {
        abandon(self);
    }
    else if (is_finalizing()) {
        Py_INCREF(self);            /* for ever: it can neither run nor, in the midst of the stacks, be freed */
    }
    else if (collector_is_here(running)) {
        add_doomed(&thread->unreachable, self);
    }
    else if (thread != running || !may_kill(thread) || !kill_suspended(thread, self)) {
        add_doomed(&thread->doomed, self);
    }
    else {
        kill_doomed(thread);        /* what had to wait until this kill was over */
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
    if (state->apart) {
        PyObject_Free(state);
    }
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
                _Py_NewReference(object);   /* which counts one more than there are, for who counts all of the process */
                Py_SET_REFCNT(object, count + 1);
                Py_DECREF(object);
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
