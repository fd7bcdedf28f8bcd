#include "start.h"

#include "constants.h"

bool
ancestors_belong_here(const Thread *thread, const Greenlet *g)
{
    Walk walk = walk_from(g);
    while (walk.at != NULL && is_unstarted(walk.at->state)) {
        walk_up(&walk);
    }
    return walk.at != NULL && walk.at->state->thread == thread;
}

PyObject *
find_run(Greenlet *target)
{
    PyObject *run = Py_TYPE(target) == Public ? Py_XNewRef(target->state->run) : NULL;
    return run != NULL ? run : PyObject_GetAttr((PyObject *)target, run_name);
}

Settled
without_run(const Greenlet *target)
{
    if (!is_unstarted(target->state) && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();              /* it has started meanwhile, and has no run any more */
        return SETTLED(RETRY);
    }
    return FAILED;
}

Settled
prepare_start(Thread *thread, Greenlet *target, PyObject *run, Callee callee)
{
    if (!is_unstarted(target->state) || !belongs_here(thread, target)) {
        release(run);
        return SETTLED(RETRY);
    }
    bool reserved = stack_reserve() == 0;
    if (!reserved) {
        PyErr_NoMemory();
    }
    if (!reserved || tstate_prepare(&target->state->tstate, thread->tstate, callee) < 0) {
        release(run);
        return FAILED;
    }
    thread->replaced_run = target->state->run;
    target->state->run = run;
    if (thread->replaced_run == run) {
        thread->replaced_run = NULL;
        drop_shared(run);
    }
    thread->target = (Greenlet *)Py_NewRef(target);
    return SETTLED(BEGIN);
}

Settled
settle_run(Thread *thread, Greenlet *target, PyObject *run, Given given)
{
    Callee callee = callee_of(run);
    Settled settled = prepare_start(thread, target, run, callee);
    if (settled.what == BEGIN) {
        thread->args = Py_XNewRef(given.args);
        thread->kwargs = Py_XNewRef(given.kwargs);
        thread->payload = Py_XNewRef(given.exception);
        thread->traceback = Py_XNewRef(given.traceback);
    }
    return settled;
}

/* Gives the target a stack that begins at `sp`, and makes the thread state that of this stack. */
static inline void *
begin_below(Thread *thread, void *sp)
{
    State *to = thread->target->state;
    stack_begin(&to->slice, sp, &thread->current->state->slice);
    to->thread = thread;
    thread->count++;
    if (unlikely(several_threads)) {    /* another one may have created it */
        registry_remove(to);
        registry_add(&thread->listed, thread->target);
    }
    tstate_begin(&to->tstate, thread->tstate);
    return sp;
}

void *
leave_to_begin(void *sp, void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state;
    from->slice.start = sp;
    tstate_save(&from->tstate, thread->tstate);
    return begin_below(thread, sp);
}

/* If greenlets end into one another in a row, the first is often held by its caller, and would
 * hold all others by their parents. Those without other references are left out: the first one's
 * parent becomes the next, which gets everything that is sent to those in between anyway. */
static void
shorten_row(Thread *thread, Greenlet *dying, Greenlet *next)
{
    Greenlet *first = thread->first_of_row;
    if (first == NULL || first->state->parent != dying || Py_REFCNT(dying) != 2) {
        thread->first_of_row = dying;
        return;
    }
    first->state->parent = (Greenlet *)Py_NewRef(next);
    drop_shared(dying);
}

/* The new stack begins where the old one began, whose frames are no longer needed. So a row of
 * greenlets that end into one another takes up the place of one. */
void *
leave_for_good_to_begin(void *Py_UNUSED(sp), void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state;
    shorten_row(thread, thread->current, thread->target);
    tstate_end(&from->tstate, thread->tstate);
    stack_forget(&from->slice);
    return begin_below(thread, from->slice.stop);
}
