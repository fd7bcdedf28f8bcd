/* A switch between suspended stacks: leave, arrive.
 *
 * Once the target has been checked nothing may run before the stack is left, for it could end
 * the target, or move it. So what is to arrive lies ready in thread->target and thread->payload;
 * an exception is raised on the target's stack, since to raise one drops the traceback that it
 * had, and so on. Then one of these does the rest and returns, on the stack that it was called
 * on, what comes out of the switch, when that stack is switched to again. It is the last thing
 * that a builtin does, so that no frame of ours lies on the stack that is copied. */
#ifndef SWITCHLIB_SWITCH_H
#define SWITCHLIB_SWITCH_H

#include "thread.h"

HIDDEN_BEGIN

static inline PyObject *
swap(stack_save_fn save, stack_restore_fn restore, Thread *thread)
{
    return switchlib_swap_stack(save, restore, thread);
}

/* The ways to leave for a suspended greenlet. Without memory they stay: `leave` raises
 * MemoryError. After the others thread->stayed is set (see stayed_here), and the payload, or the
 * exception that is set, is still the caller's. */
void *leave(void *sp, void *thread);
void *leave_or_stay(void *sp, void *thread);
void *leave_for_good_or_stay(void *sp, void *thread);

/* What is done on the target's stack: `arrive` returns the payload (or NULL, if an exception was
 * set when the stack was left), `arrive_to_raise` raises it. */
void *arrive(void *thread);
void *arrive_to_raise(void *thread);

/* Whether the stack was not left after all. To be asked once. */
static inline bool
stayed_here(Thread *thread)
{
    bool stayed = thread->stayed;
    thread->stayed = false;
    return stayed;
}

/* The rest of an arrival where something may run: a tracer, or the end of the origin. Takes over
 * both, origin and payload; returns the payload, or NULL with an exception set. */
PyObject *arrive_slowly(Thread *thread, Greenlet *origin, PyObject *payload);

/* The same, if the payload is an exception to be raised, with this traceback. Returns NULL. */
PyObject *arrive_raising(Thread *thread, Greenlet *origin, PyObject *exception,
                         PyObject *traceback);

HIDDEN_END

#endif
