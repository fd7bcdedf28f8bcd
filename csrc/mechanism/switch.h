/* A switch between suspended stacks: leave, arrive.
 *
 * Once the target has been checked, nothing may run before the stack is left, since it could end
 * the target, or move it. So what will arrive is prepared in thread->target and thread->payload.
 * An exception is raised on the target's stack, since raising it drops the traceback that it
 * had, and all that this refers to. Then `swap` does the rest. It returns on the same stack,
 * when something switches back to it, and returns what comes out of the switch. It is the last
 * call of a builtin, so that no frame of switchlib's lies on the stack that is copied. */
#ifndef SWITCHLIB_SWITCH_H
#define SWITCHLIB_SWITCH_H

#include "watch.h"

HIDDEN_BEGIN

static inline PyObject *
swap(stack_save_fn save, stack_restore_fn restore, Thread *thread)
{
    return switchlib_swap_stack(save, restore, thread);
}

/* The ways to leave for a suspended greenlet. If there is no memory they stay. Then `leave`
 * raises MemoryError. The others set thread->stayed (see stayed_here), and the payload, or the
 * exception that is set, still belongs to the caller. */
void *leave(void *sp, void *thread);
void *leave_or_stay(void *sp, void *thread);
void *leave_for_good_or_stay(void *sp, void *thread);

/* What runs on the target's stack: `arrive` returns the payload (or NULL, if an exception was
 * set when the stack was left), and `arrive_to_raise` raises it. */
void *arrive(void *thread);
void *arrive_to_raise(void *thread);

/* Whether the stack was not left after all. Asking resets it. */
static inline bool
stayed_here(Thread *thread)
{
    bool stayed = thread->stayed;
    thread->stayed = false;
    return stayed;
}

/* The rest of an arrival in which user code may run: watchers, a tracer, or what the end of the
 * origin calls. Takes over origin and payload. Returns the payload, or NULL with an exception
 * set. The event is SWITCHED or STARTED, which becomes THROWN if the payload is NULL. */
PyObject *arrive_slowly(Thread *thread, Greenlet *origin, PyObject *payload, Event event);

/* The same, if the payload is an exception to be raised, with this traceback. Returns NULL. */
PyObject *arrive_raising(Thread *thread, Greenlet *origin, PyObject *exception,
                         PyObject *traceback);

HIDDEN_END

#endif
