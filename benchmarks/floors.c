#include <stddef.h>

#include "floors.h"

#include "../asm/asm.h"
#include "../csrc/stack.h"

#include <alloca.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

static stack_slice home, away, *current, *target;
static size_t room;

static void *
leave(void *sp, void *arg)
{
    (void)arg;
    current->start = sp;
    if (stack_save(current, target) < 0) {
        abort();
    }
    return target->start;
}

static void
turn(void)
{
    stack_slice *origin = current;
    current = target;
    target = origin;
}

static void *
arrive(void *sp, void *arg)
{
    (void)sp;
    stack_restore(target, current);
    turn();
    return arg;
}

static void *
leave_to_begin(void *sp, void *arg)
{
    (void)arg;
    current->start = sp;
    stack_begin(target, sp, current);
    return NULL;
}

/* One loop for both, as the eval loop is one: a processor foretells where a return goes by the last call. */
static __attribute__((noinline)) void
go_on(long times)
{
    for (long i = 0; i < times; i++) {
        switchlib_swap_stack(leave, arrive, NULL);
    }
}

static void *
begin(void *sp, void *arg)
{
    (void)sp;
    turn();
    volatile char *locals = alloca(room);
    locals[0] = 0;
    go_on(LONG_MAX);
    return arg;
}

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

floors_found
floors_switch(size_t locals, long switches)
{
    room = locals;
    home = (stack_slice){.stop = STACK_END};
    away = (stack_slice){0};
    current = &home;
    target = &away;
    switchlib_swap_stack(leave_to_begin, begin, NULL);
    double began = now();
    go_on(switches / 2);
    floors_found found = {(now() - began) / (double)switches, away.saved};
    stack_forget(&home);
    stack_forget(&away);
    return found;
}
