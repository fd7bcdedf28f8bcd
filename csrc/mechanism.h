/* Greenlets for CPython: the only part that uses the register switch, the stack layer, the
 * interpreter layer and the policy, which is the Python class in switchlib/_greenlet.py.
 *
 * These are its files, the lowest first. No file calls a later one.
 *
 *     common.h       what every file includes; points.h: where user code may run, and where not
 *     constants.c    objects that are made once
 *     exception.c    exceptions as instances
 *     greenlet.c     what a greenlet is to the mechanism: its state, its parents
 *     registry.c     lists of all greenlets
 *     thread.c       threads that use greenlets, found by their thread state
 *     stacks.c       all greenlets, and their stacks, without frame objects
 *     safe_copy.c    copies of memory that may be invalid
 *     timeline.c     records what greenlets do, with times
 *     output.c       text, written by signal handlers
 *     dump.c         the stacks of all greenlets, written by a signal handler
 *     dump_signals.c the signals on which that is done
 *     slow.c         reports greenlets that let no other one run
 *     marks.c        generators that run in suspended greenlets, kept from their finalisers
 *     collector.c    in which greenlet the collector stands
 *     hidden.c       asking policy, hidden from tracebacks, trace functions and monitors
 *     watch.c        calls of watchers and tracers
 *     switch.c       a switch between suspended stacks: leave, arrive
 *     kill.c         the end of greenlets that nothing refers to
 *     object.c       the memory of greenlets
 *     enter.c        threads come and go
 *     soon.c         kills what the collector found, soon after it
 *     start.c        before a start: the target is checked and made ready
 *     decision.c     decisions of the policy: asked for and checked
 *     life.c         what runs on a greenlet's own stack: begin, finish, end
 *     call.c         the builtins that switch: greenlet.switch and greenlet.throw
 *     type.c         the type: how greenlets are made, and most attributes
 *     properties.c   the three properties that the policy guards
 *     debug_offsets.c  the table by which readers in other processes find all greenlets
 *     adopt.c        the policy class becomes the public type
 *     capi.c         what extensions built against greenlet.h call
 *     module.c       what switchlib/_mechanism.py declares
 *
 * A builtin asks the policy's function of the same name, which returns a decision (decision.h).
 * Where only one decision is possible, the mechanism need not ask. These places test `fast_tstate`.
 */
#ifndef SWITCHLIB_MECHANISM_H
#define SWITCHLIB_MECHANISM_H

#include <stdint.h>

/* Puts a builtin `fill` into the dict whose id() is given. `fill` fills a dict with the types,
 * functions and constants that switchlib/_mechanism.py declares. All are ordinary CPython objects.
 * A call through cffi costs three times as much as a call of a builtin, releases the GIL, and does
 * not say in which interpreter it is made. Returns 0, or -1 if there is no memory. */
int mechanism_open(uintptr_t namespace_id);

#endif
