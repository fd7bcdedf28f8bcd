/* The life of a greenlet: it begins, and it finishes. */
#include "parts.h"

static __attribute__((noinline)) _Noreturn void finish(Thread *thread, PyObject *result);

bool
ancestors_belong_here(const Thread *thread, const Greenlet *g)
{
    Walk walk = walk_from(g);
    while (walk.at != NULL && is_unstarted(walk.at->state)) {
        walk_up(&walk);
    }
    return walk.at != NULL && walk.at->state->thread == thread;
}

Settled
prepare_start(Thread *thread, Greenlet *target, PyObject *run, Callee callee)
{
    if (!is_unstarted(target->state) || !belongs_here(thread, target)) {
        release(run);
        return (Settled){RETRY, NULL};
    }
    bool reserved = stack_reserve() == 0;
    if (!reserved) {
        PyErr_NoMemory();
    }
    if (!reserved || tstate_prepare(&target->state->tstate, thread->tstate, callee) < 0) {
        release(run);
        return (Settled){DONE, NULL};
    }
    thread->stale = target->state->run;
    target->state->run = run;
    if (thread->stale == run) {
        thread->stale = NULL;
        drop_shared(run);
    }
    thread->target = (Greenlet *)Py_NewRef(target);
    return (Settled){BEGIN, NULL};
}

/* What a call returned that may break the rules: NULL without an exception, or a result with one. */
static PyObject *
check_result(PyObject *result)
{
    if (result == NULL && PyErr_Occurred() == NULL) {
        PyErr_SetString(GreenletError, "Greenlet.switch() returned NULL without an exception set.");
    }
    else if (result != NULL && PyErr_Occurred() != NULL) {
        release(result);
        result = NULL;
    }
    return result;
}

/* The arguments, or an exception instead; and the origin, which may end here. */
static __attribute__((noinline)) PyObject *
begin_slowly(Thread *thread, Greenlet *origin)
{
    PyObject *args = thread->args, *kwargs = thread->kwargs, *stale = thread->stale;
    PyObject *exception = thread->payload, *traceback = thread->traceback;
    thread->args = thread->kwargs = thread->stale = thread->payload = thread->traceback = NULL;
    Py_XDECREF(stale);
    args = args == NULL ? arrive_raising(thread, origin, exception, traceback) : arrive_slowly(thread, origin, args);
    PyObject *result = NULL;
    if (args != NULL) {
        result = check_result(PyObject_Call(thread->current->state->run, args, kwargs));
    }
    release(args);
    release(kwargs);
    return result;
}

/* The first and last frame of a greenlet's stack, where it is copied with the rest: so nothing is inlined into it
 * that would need registers, and a function is called directly. */
_Noreturn void
begin(void *arg)
{
    Thread *thread = arg;
    Greenlet *origin = thread->current;
    thread->current = thread->target;
    thread->target = NULL;
    PyObject *result;
    if (thread->function != NULL) {
        drop_shared(origin);        /* takes_array looked */
        PyFunctionObject *function = thread->function;
        thread->function = NULL;
        result = function->vectorcall((PyObject *)function, thread->array, (size_t)thread->nargs, NULL);
    }
    else {
        result = begin_slowly(thread, origin);
    }
    finish(thread, result);
}

/* GreenletExit is a way to return: its instance is the result. It does not bear its traceback, whose frames would else
 * live on in the parent, and what they hold be finalised there. */
PyObject *
exit_value(void)
{
    PyObject *exit = take_instance();
    if (!PyErr_GivenExceptionMatches(exit, GreenletExit)) {     /* it could not be made */
        raise_instance(exit);
        return NULL;
    }
    PyException_SetTraceback(exit, Py_None);
    return exit;
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
    tstate_keep_base(thread->tstate);
    Greenlet *parent = me->state->parent;
    if (likely(parent != NULL && is_plain(thread, parent))) {
        Py_INCREF(parent);
        thread->target = parent;
        thread->payload = result;
        swap(leave_for_good_or_stay, arrive, thread);   /* if that returns, the outcome is still ours */
        thread->stayed = false;
    }
    end_slowly(thread, me, result);
}
