#include "coroutine.h"

#include "../asm/asm.h"
#include "stack.h"

#include <alloca.h>
#include <fenv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct world {
    int step, steps, current, target;
    bool draining;
    const int *order, *depths;
    coroutine_report *report;
    stack_slice *slices;            /* of number 0 to n */
} world;

static const int rounding_modes[] = {
    FE_TONEAREST,
#if defined(FE_UPWARD) && defined(FE_DOWNWARD) && defined(FE_TOWARDZERO)
    FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO,
#endif
};
#define ROUNDING_MODES ((int)(sizeof rounding_modes / sizeof rounding_modes[0]))

static void *
leave(void *sp, void *arg)
{
    world *w = arg;
    stack_slice *from = &w->slices[w->current], *to = &w->slices[w->target];
    from->start = sp;
    if (to->stop == NULL) {
        stack_begin(to, sp, from);
        return NULL;
    }
    if (stack_save(from, to) < 0) {
        from->start = NULL;
        w->target = -1;
        return NULL;
    }
    return to->start;
}

static void *
leave_for_good(void *sp, void *arg)
{
    (void)sp;
    world *w = arg;
    stack_slice *to = &w->slices[w->target];
    if (stack_save(&w->slices[w->current], to) < 0) {
        w->target = -1;
        return NULL;
    }
    return to->start;
}

static void body(world *w);

static void *
arrive(void *sp, void *arg)
{
    world *w = arg;
    if (w->target < 0) {
        return NULL;
    }
    int origin = w->current;
    w->current = w->target;
    if (sp == NULL) {
        body(w);
    }
    stack_restore(&w->slices[w->current], &w->slices[origin]);
    return w;
}

/* Deterministic noise: what coroutine `id` leaves at place `i` in step `step`. */
static unsigned
noise(int id, int step, size_t i)
{
    unsigned x = (unsigned)id * 2654435761u ^ (unsigned)step * 40503u ^ (unsigned)i * 2246822519u;
    return x ^ x >> 15;
}

static void
complain(world *w, int step, const char *what)
{
    if (w->report->first_bad_step < 0) {
        w->report->first_bad_step = step;
        w->report->what_was_bad = what;
    }
}

static void
switch_to(world *w, int target)
{
    for (;;) {
        w->target = target;
        if (switchlib_swap_stack(leave, arrive, w) != NULL) {
            w->report->switches++;
            return;
        }
        w->report->refused++;
    }
}

/* One step of whoever runs. The variables a to f are there to be held in registers across the switch. */
static __attribute__((noinline)) void
take_step(world *w, int step, int target)
{
    int me = w->current;
    size_t depth = (size_t)w->depths[step];
    volatile unsigned char *canary = alloca(depth + 1);
    for (size_t i = 0; i < depth; i++) {
        canary[i] = (unsigned char)noise(me, step, i);
    }
    unsigned long a = noise(me, step, 1), b = noise(me, step, 2), c = noise(me, step, 3);
    unsigned long d = noise(me, step, 4), e = noise(me, step, 5), f = noise(me, step, 6);
    fesetround(rounding_modes[me % ROUNDING_MODES]);
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));

    switch_to(w, target);

    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
    if (a != noise(me, step, 1) || b != noise(me, step, 2) || c != noise(me, step, 3)
        || d != noise(me, step, 4) || e != noise(me, step, 5) || f != noise(me, step, 6)) {
        complain(w, step, "register");
    }
    if (fegetround() != rounding_modes[me % ROUNDING_MODES]) {
        complain(w, step, "control word");
    }
    for (size_t i = 0; i < depth; i++) {
        if (canary[i] != (unsigned char)noise(me, step, i)) {
            complain(w, step, "canary");
            break;
        }
    }
    w->report->bytes_compared += (long long)depth;
}

static void
take_steps(world *w)
{
    while (w->step < w->steps && !w->draining) {
        int step = w->step++;
        if (w->order[step] != w->current) {
            take_step(w, step, w->order[step]);
        }
    }
}

/* The life of a coroutine: it begins inside `arrive` and leaves its stack for good. */
static void
body(world *w)
{
    take_steps(w);
    for (;;) {
        w->target = 0;
        stack_slice *mine = &w->slices[w->current];
        mine->start = NULL;
        switchlib_swap_stack(leave_for_good, arrive, w);
        w->report->refused++;           /* only a refusal comes back */
    }
}

int
coroutines_run(int n, int steps, const int *order, const int *depths, coroutine_report *report)
{
    memset(report, 0, sizeof *report);
    report->first_bad_step = -1;
    for (int k = 0; k < steps; k++) {
        if (order[k] < 0 || order[k] > n || depths[k] < 0) {
            return -1;
        }
    }
    if (n < 0) {
        return -1;
    }
    /* In the heap: the stack that the world describes must not hold it. */
    world *w = calloc(1, sizeof *w);
    stack_slice *slices = calloc((size_t)n + 1, sizeof *slices);
    if (w == NULL || slices == NULL) {
        free(w);
        free(slices);
        return -1;
    }
    w->steps = steps;
    w->order = order;
    w->depths = depths;
    w->report = report;
    w->slices = slices;
    slices[0].stop = STACK_END;
    int rounding_mode = fegetround();

    /* A coroutine that takes the last step ends, which leads here; so does a switch to number 0. */
    take_steps(w);
    w->draining = true;
    for (int i = 1; i <= n; i++) {
        if (slices[i].start != NULL) {
            switch_to(w, i);
        }
    }
    for (int i = 0; i <= n; i++) {
        stack_forget(&slices[i]);
    }
    fesetround(rounding_mode);
    free(slices);
    free(w);
    return 0;
}
