#include "switch.h"

#include "exception.h"
#include "timeline.h"

/* -------------------------------------------------------------------------------------- leaving */

/* Saves the current stack and makes room for the target's. Returns where that is, or without
 * memory what `otherwise` does: then all is as it was. */
STACK_INLINE void *
leave_for_target(Thread *thread, void *sp, void *(*otherwise)(Thread *))
{
    State *from = thread->current->state, *to = thread->target->state;
    if (unlikely(tstate_catch_up(&to->tstate, thread->tstate) < 0)) {
        return otherwise(thread);
    }
    from->slice.start = sp;
    tstate_save(&from->tstate, thread->tstate);     /* which may write to the stack saved next */
    if (unlikely(stack_save(&from->slice, &to->slice) < 0)) {
        tstate_restore(&from->tstate, thread->tstate);
        from->slice.start = NULL;
        return otherwise(thread);
    }
    return to->slice.start;
}

static __attribute__((noinline)) void *
refuse(Thread *thread)
{
    PyObject *payload = thread->payload, *traceback = thread->traceback;
    PyObject *target = (PyObject *)thread->target;
    thread->payload = NULL;
    thread->traceback = NULL;
    thread->target = NULL;
    Py_XDECREF(payload);
    Py_XDECREF(traceback);
    Py_XDECREF(target);
    PyErr_NoMemory();
    return NULL;
}

void *
leave(void *sp, void *arg)
{
    return leave_for_target(arg, sp, refuse);
}

/* Its references to target and payload are not the last. */
static __attribute__((noinline)) void *
stay(Thread *thread)
{
    thread->stayed = true;
    drop_shared(thread->target);
    drop_shared(thread->traceback);
    thread->target = NULL;
    thread->payload = thread->traceback = NULL;
    return NULL;
}

void *
leave_or_stay(void *sp, void *arg)
{
    return leave_for_target(arg, sp, stay);
}

void *
leave_for_good_or_stay(void *Py_UNUSED(sp), void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state, *to = thread->target->state;
    if (unlikely(tstate_catch_up(&to->tstate, thread->tstate) < 0
                 || stack_save(&from->slice, &to->slice) < 0)) {
        return stay(thread);
    }
    tstate_end(&from->tstate, thread->tstate);
    stack_forget(&from->slice);     /* a dead greenlet that is referred to keeps no buffer */
    return to->slice.start;
}

/* ------------------------------------------------------------------------------------- arriving */

/* Records an arrival, and returns whether it is to be reported to others, too. */
static inline bool
record_arrival(Thread *thread, Event event, Greenlet *origin, PyObject *payload)
{
    if (thread->watched_by & RECORDED) {
        timeline_arrival(thread, event, origin, payload);
    }
    return (thread->watched_by & WATCHED) || tstate_context_is_watched();
}

PyObject *
arrive_slowly(Thread *thread, Greenlet *origin, PyObject *payload, Event event)
{
    if (is_watched(thread)
        && record_arrival(thread, payload == NULL ? THROWN : event, origin, payload)) {
        PyObject *exception = payload == NULL ? take_instance() : NULL;
        int reported = exception == NULL
            ? report_arrival(thread, event, origin, payload)
            : report_arrival(thread, THROWN, origin, exception);
        if (reported < 0) {
            release(payload);
            release(exception);
            payload = NULL;
        }
        else if (exception != NULL) {
            raise_instance(exception);
        }
    }
    release((PyObject *)origin);
    return payload;
}

PyObject *
arrive_raising(Thread *thread, Greenlet *origin, PyObject *exception, PyObject *traceback)
{
    if (is_watched(thread) && record_arrival(thread, THROWN, origin, exception)
        && report_arrival(thread, THROWN, origin, exception) < 0) {
        release(exception);
        release(traceback);
    }
    else {
        PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception, traceback);
    }
    release((PyObject *)origin);
    return NULL;
}

/* Makes the target current, on its own stack. Returns the origin, which the caller owns. */
STACK_INLINE Greenlet *
come_back(Thread *thread)
{
    Greenlet *origin = thread->current, *target = thread->target;
    stack_restore(&target->state->slice, &origin->state->slice);
    tstate_restore(&target->state->tstate, thread->tstate);
    thread->current = target;
    thread->target = NULL;
    return origin;
}

void *
arrive(void *arg)
{
    Thread *thread = arg;
    Greenlet *origin = come_back(thread);
    PyObject *payload = thread->payload;
    thread->payload = NULL;
    if (likely(!is_watched(thread) && Py_REFCNT(origin) > 1)) {
        drop_shared(origin);
        return payload;
    }
    return arrive_slowly(thread, origin, payload, SWITCHED);
}

void *
arrive_to_raise(void *arg)
{
    Thread *thread = arg;
    Greenlet *origin = come_back(thread);
    PyObject *exception = thread->payload, *traceback = thread->traceback;
    thread->payload = thread->traceback = NULL;
    return arrive_raising(thread, origin, exception, traceback);
}
