#include "life.h"

#include "decision.h"
#include "exception.h"
#include "marks.h"
#include "start.h"
#include "switch.h"

static __attribute__((noinline)) _Noreturn void finish(Thread *thread, PyObject *result);

/* -------------------------------------------------------------------------------- the beginning */

/* Checks what a call returned. A function may break the rules: NULL without an exception, or a
 * result with one. */
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

/* Calls run with these arguments, which it takes over. Meanwhile the greenlet owns them and run.
 * If only a C frame owned them, the collector could not see them. */
static PyObject *
call_run(State *state, PyObject *args, PyObject *kwargs)
{
    PyObject *run = state->run;
    PyObject *all = PyTuple_Pack(kwargs == NULL ? 2 : 3, run, args, kwargs);
    if (all == NULL) {
        PyErr_Clear();              /* no memory: then this frame owns them */
        PyObject *result = PyObject_Call(run, args, kwargs);
        release(args);
        release(kwargs);
        return result;
    }
    state->run = all;
    drop_shared(run);
    drop_shared(args);
    drop_shared(kwargs);
    return PyObject_Call(run, args, kwargs);
}

/* The first steps on a new stack, if they are more than a call with lent arguments. The origin
 * may end here. Returns what run returned, or NULL with an exception set. */
static __attribute__((noinline)) PyObject *
begin_slowly(Thread *thread, Greenlet *origin)
{
    PyObject *args = thread->args, *kwargs = thread->kwargs, *replaced_run = thread->replaced_run;
    PyObject *exception = thread->payload, *traceback = thread->traceback;
    thread->args = thread->kwargs = thread->replaced_run = NULL;
    thread->payload = thread->traceback = NULL;
    if (args != NULL) {
        args = arrive_slowly(thread, origin, args, STARTED);
    }
    else {
        arrive_raising(thread, origin, exception, traceback);
    }
    release(replaced_run);          /* not before the arrival: it may run anything */
    if (args == NULL) {
        release(kwargs);
        return NULL;
    }
    return check_result(call_run(thread->current->state, args, kwargs));
}

/* The first and outermost frame of a greenlet's stack, which is copied with the rest. So nothing
 * is inlined into it that would need registers, and a function is called directly. */
_Noreturn void
begin(void *arg)
{
    Thread *thread = arg;
    Greenlet *origin = thread->current;
    thread->current = thread->target;
    thread->target = NULL;
    PyObject *result;
    if (thread->lent_function != NULL) {
        drop_shared(origin);        /* can_lend_args has checked that */
        PyFunctionObject *function = thread->lent_function;
        thread->lent_function = NULL;
        result = function->vectorcall(
            (PyObject *)function, thread->lent_args, (size_t)thread->lent_nargs, NULL);
    }
    else {
        result = begin_slowly(thread, origin);
    }
    finish(thread, result);
}

/* -------------------------------------------------------------------------------------- the end */

/* Leaves for a suspended greenlet. If there is no memory to do it, returns, and the outcome
 * still belongs to the caller. */
static void
leave_for_good(Thread *thread, Greenlet *target, PyObject *payload)
{
    thread->target = (Greenlet *)Py_NewRef(target);
    thread->payload = payload;
    swap(leave_for_good_or_stay, arrive, thread);
    thread->stayed = false;
}

/* An end that the policy decides. What goes wrong becomes the outcome: an ancestor that cannot
 * take it (it has no run, belongs to another thread, or there is no memory to get there), or an
 * interrupt. */
typedef struct Ending {
    Thread *thread;
    Greenlet *me;
    PyObject *result;               /* owned; NULL if the outcome is */
    PyObject *exception;            /* this one (owned, not set) */
    const Greenlet *parent;         /* from here up `failures` are counted: only to be compared */
    int failures;                   /* ancestors that could not take the outcome */
    int interrupts;
} Ending;

/* How often the policy may be interrupted at one end. After that it is not asked. */
#define MOST_INTERRUPTS 100

/* Takes over a result, or, if it is NULL, the exception that is set. */
static void
take_outcome(Ending *end, PyObject *result)
{
    if (result == NULL && PyErr_ExceptionMatches(GreenletExit)) {
        result = exit_value();
    }
    end->result = result;
    end->exception = result == NULL ? take_instance() : NULL;
}

static PyObject *
outcome_of(const Ending *end)
{
    return end->result != NULL ? end->result : end->exception;
}

/* The exception that is set becomes the outcome. */
static void
replace_outcome(Ending *end)
{
    set_context_of_exception(end->exception);
    release(outcome_of(end));
    take_outcome(end, NULL);
}

/* A decision; None if no ancestor is left; NULL with an exception set. */
static PyObject *
ask_for_next(Ending *end)
{
    if (end->parent != end->me->state->parent) {
        end->parent = end->me->state->parent;
        end->failures = 0;
    }
    PyObject *failures = PyLong_FromLong(end->failures);
    PyObject *args[] = {
        (PyObject *)end->me,
        end->result == NULL ? Py_None : end->result,
        end->exception == NULL ? Py_None : end->exception,
        failures,
    };
    PyObject *decision = failures == NULL ? NULL : ask(end->thread, P_END, args, 4, NULL);
    Py_XDECREF(failures);
    return decision;
}

/* Takes the decision over. */
static Settled
settle_end(const Ending *end, PyObject *decision)
{
    PyObject *traceback = end->exception == NULL ? NULL : PyException_GetTraceback(end->exception);
    Settled settled = settle(end->thread, decision, traceback, true);
    drop_decision(decision, settled);
    let_go(traceback, settled);
    return settled;
}

/* Leaves as was settled. If there is no memory to do it, returns, and the outcome is as before. */
static void
leave_as_settled(const Ending *end, Settled settled)
{
    Thread *thread = end->thread;
    drop_shared(outcome_of(end));   /* the thread holds it, too */
    if (settled.what == BEGIN) {
        switchlib_start_stack(leave_for_good_to_begin, begin, thread);  /* which cannot fail */
    }
    else {
        swap(leave_for_good_or_stay, settled.what == RAISE ? arrive_to_raise : arrive, thread);
    }
    thread->stayed = false;
}

/* Without the policy, which could not say which greenlet is next, or found no living ancestor.
 * The outcome goes to the nearest ancestor that is suspended, and as the last resort to the
 * thread's main greenlet. (That is no ancestor if one of the ancestors has moved to another
 * thread.) */
static _Noreturn void
end_without_policy(const Ending *end)
{
    if (end->exception != NULL) {
        raise_instance(end->exception);
    }
    for (Walk walk = walk_from(end->me->state->parent); walk.at != NULL; walk_up(&walk)) {
        if (walk.at->state->thread == end->thread && walk.at->state->slice.start != NULL) {
            unmark_generators(walk.at);
            leave_for_good(end->thread, walk.at, end->result);
        }
    }
    unmark_generators(end->thread->main);
    leave_for_good(end->thread, end->thread->main, end->result);
    if (end->result != NULL) {
        PyErr_NoMemory();
    }
    for (PyObject *exception = take_instance(); exception != NULL;) {
        PyObject *context = PyException_GetContext(exception);
        raise_instance(exception);
        PyErr_WriteUnraisable((PyObject *)end->me);
        exception = context;
    }
    Py_FatalError("switchlib: no memory to leave a greenlet that has ended");
}

/* Ends the current greenlet as the policy decides. The result is NULL if an exception is set. */
static __attribute__((noinline)) _Noreturn void
end_slowly(Thread *thread, Greenlet *me, PyObject *result)
{
    Ending end = {.thread = thread, .me = me};
    take_outcome(&end, result);
    report(thread, ENDED, me, (Details){.value = end.result, .exception = end.exception});
    while (end.interrupts < MOST_INTERRUPTS) {
        PyObject *decision = ask_for_next(&end);
        bool decided = decision != NULL;
        if (decision == Py_None) {
            Py_DECREF(decision);
            break;
        }
        if (decided) {
            Settled settled = settle_end(&end, decision);
            if (settled.what == RETRY) {
                continue;
            }
            if (is_leaving(settled)) {
                leave_as_settled(&end, settled);
                PyErr_NoMemory();
            }
        }
        bool is_interrupt = !decided && !PyErr_ExceptionMatches(GreenletError);
        *(is_interrupt ? &end.interrupts : &end.failures) += 1;
        replace_outcome(&end);
    }
    end_without_policy(&end);
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
    tstate_detach_base_frame(thread->tstate);
    Greenlet *parent = me->state->parent;
    if (likely(parent != NULL && is_plain(thread, parent))) {
        leave_for_good(thread, parent, result);
    }
    end_slowly(thread, me, result);
}
