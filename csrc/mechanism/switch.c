/* A switch: leave, arrive. */
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

void *
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
    if (unlikely(sp == NULL)) {
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
