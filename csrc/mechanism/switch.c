/* A switch, and the life of a greenlet: leave, arrive, begin, finish. */
#include "parts.h"

/* ------------------------------------------------------------------------------------------------ tracing */

/* Tells the thread's tracer. If that raises, it is removed and its exception replaces what was to arrive. */
static int
trace(Thread *thread, Greenlet *origin, Greenlet *target, bool thrown)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *tracer = Py_NewRef(thread->tracer), *result = NULL;
    PyObject *pair = PyTuple_Pack(2, origin, target);
    if (pair != NULL) {
        PyThreadState *ts = thread->tstate;
        PyObject *args[] = {thrown ? throw_event : switch_event, pair};
        tstate_mute(ts);
        result = PyObject_Vectorcall(tracer, args, 2, NULL);
        tstate_unmute(ts);
        Py_DECREF(pair);
    }
    Py_DECREF(tracer);
    if (result == NULL) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        PyErr_Fetch(&type, &value, &traceback);
        Py_CLEAR(thread->tracer);
        set_fast(thread);
        PyErr_Restore(type, value, traceback);
        return -1;
    }
    Py_DECREF(result);
    PyErr_Restore(type, value, traceback);
    return 0;
}

/* ----------------------------------------------------------------------------------------------- a switch */

static void *
refuse(Thread *thread)
{
    thread->refused = true;
    return NULL;
}

void *
leave(void *sp, void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state, *to = thread->target->state;
    if (unlikely(tstate_prepare_return(&to->tstate, thread->tstate) < 0)) {
        return refuse(thread);
    }
    from->slice.start = sp;
    tstate_save(&from->tstate, thread->tstate);     /* which may change the stack that is saved next */
    if (unlikely(stack_save(&from->slice, &to->slice) < 0)) {
        tstate_restore(&from->tstate, thread->tstate);
        from->slice.start = NULL;
        return refuse(thread);
    }
    return to->slice.start;
}

void *
leave_for_good(void *Py_UNUSED(sp), void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state, *to = thread->target->state;
    if (unlikely(tstate_prepare_return(&to->tstate, thread->tstate) < 0
                 || stack_save(&from->slice, &to->slice) < 0)) {
        return refuse(thread);
    }
    tstate_end(&from->tstate, thread->tstate);
    stack_forget(&from->slice);     /* whoever keeps the dead greenlet keeps no buffer */
    return to->slice.start;
}

static inline void
begin_below(Thread *thread, void *sp)
{
    State *to = thread->target->state;
    stack_begin(&to->slice, sp, &thread->current->state->slice);
    to->thread = thread;
    thread->count++;
    tstate_begin(&to->tstate, thread->tstate);
}

void *
leave_to_begin(void *sp, void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state;
    from->slice.start = sp;
    tstate_save(&from->tstate, thread->tstate);
    begin_below(thread, sp);
    return NULL;
}

void *
leave_for_good_to_begin(void *sp, void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state;
    tstate_end(&from->tstate, thread->tstate);
    stack_forget(&from->slice);
    begin_below(thread, sp);
    return NULL;
}

static void *begin(Thread *thread);

/* We are still on the stack that was to be left. */
static __attribute__((noinline)) void *
refused(Thread *thread)
{
    thread->refused = false;
    PyObject *payload = thread->payload, *target = (PyObject *)thread->target;
    thread->payload = NULL;
    thread->target = NULL;
    Py_XDECREF(payload);
    Py_XDECREF(target);
    PyErr_NoMemory();
    return NULL;
}

/* The rest of an arrival where something may run: a tracer, or the end of the origin. */
static __attribute__((noinline)) void *
arrive_slowly(Thread *thread, Greenlet *origin, PyObject *payload)
{
    if (thread->tracer != NULL && trace(thread, origin, thread->current, payload == NULL) < 0) {
        Py_CLEAR(payload);
    }
    release((PyObject *)origin);
    return payload;
}

void *
arrive(void *sp, void *arg)
{
    Thread *thread = arg;
    if (sp == NULL) {
        return thread->refused ? refused(thread) : begin(thread);
    }
    Greenlet *origin = thread->current, *target = thread->target;
    stack_restore(&target->state->slice, &origin->state->slice);
    tstate_restore(&target->state->tstate, thread->tstate);
    thread->current = target;
    thread->target = NULL;
    PyObject *payload = thread->payload;
    thread->payload = NULL;
    if (likely(thread->tracer == NULL && Py_REFCNT(origin) > 1)) {
        Py_DECREF(origin);
        return payload;
    }
    return arrive_slowly(thread, origin, payload);
}

void *
arrive_or_stay(void *sp, void *arg)
{
    Thread *thread = arg;
    if (unlikely(sp == NULL && thread->refused)) {
        thread->refused = false;
        thread->payload = NULL;
        Py_CLEAR(thread->target);
        return &again;
    }
    return arrive(sp, arg);
}

PyObject *
arrive_here(Thread *thread, PyObject *payload)
{
    Greenlet *current = (Greenlet *)Py_NewRef(thread->current);
    return arrive_slowly(thread, current, payload);
}

/* -------------------------------------------------------------------------------- the life of a greenlet */

static __attribute__((noinline)) _Noreturn void finish(Thread *thread, PyObject *result);

bool
belongs_here(Thread *thread, const Greenlet *g)
{
    while (g != NULL && is_unstarted(g->state)) {
        g = g->state->parent;
    }
    return g != NULL && g->state->thread == thread;
}

int
prepare_start(Thread *thread, Greenlet *target, PyObject *run)
{
    if (stack_reserve() < 0) {
        PyErr_NoMemory();
        Py_DECREF(run);
        Py_DECREF(target);
        return -1;
    }
    if (tstate_prepare(&target->state->tstate, thread->tstate, run) < 0) {
        Py_DECREF(run);
        Py_DECREF(target);
        return -1;
    }
    thread->stale = target->state->run;
    target->state->run = run;
    if (thread->stale == run) {
        thread->stale = NULL;
        Py_DECREF(run);             /* not the last reference */
    }
    thread->target = target;
    return 0;
}

/* The arguments, or an exception instead; and the origin, which may end here. */
static __attribute__((noinline)) PyObject *
begin_slowly(Thread *thread, Greenlet *origin)
{
    PyObject *args = thread->args, *kwargs = thread->kwargs, *stale = thread->stale;
    thread->args = thread->kwargs = thread->stale = NULL;
    release(stale);
    args = arrive_slowly(thread, origin, args);
    PyObject *result = NULL;
    if (args != NULL) {
        result = PyObject_Call(thread->current->state->run, args, kwargs);
    }
    release(args);
    release(kwargs);
    return result;
}

/* The first and last frame of a greenlet's stack, where it is copied with the rest: so nothing is inlined into it
 * that would need registers, and a function is called directly. */
static __attribute__((noinline)) void *
begin(Thread *thread)
{
    Greenlet *origin = thread->current;
    thread->current = thread->target;
    thread->target = NULL;
    PyObject *result;
    if (thread->in_array) {
        thread->in_array = false;
        Py_DECREF(origin);          /* not the last reference: start_fast looked, and that run is a function */
        PyObject *run = thread->current->state->run;
        result = ((PyFunctionObject *)run)->vectorcall(run, thread->array, (size_t)thread->nargs, NULL);
    }
    else {
        result = begin_slowly(thread, origin);
    }
    finish(thread, result);
}

/* GreenletExit is a way to return: its instance is the result. */
PyObject *
exit_value(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (!PyErr_GivenExceptionMatches(type, GreenletExit)) {     /* it could not be made */
        PyErr_Restore(type, value, traceback);
        return NULL;
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

static _Noreturn void
finish(Thread *thread, PyObject *result)
{
    Greenlet *me = thread->current;
    PyObject *run = me->state->run;
    me->state->run = NULL;
    if (unlikely(result == NULL && PyErr_ExceptionMatches(GreenletExit))) {
        result = exit_value();
    }
    release(run);
    Greenlet *parent = me->state->parent;
    if (likely(thread->fast != NULL && parent != NULL && parent->state->thread == thread
               && parent->state->slice.start != NULL)) {
        Py_INCREF(parent);
        thread->target = parent;
        thread->payload = result;
        swap(leave_for_good, arrive_or_stay, thread);   /* if that returns, the outcome is still ours */
    }
    end_slowly(thread, me, result);
}
