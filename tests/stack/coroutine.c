#include "coroutine.h"

#include "../../asm/asm.h"
#include "../../csrc/stack.h"

#include <alloca.h>
#include <fenv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* More values of each kind than any ABI has registers that a callee preserves. */
/* clang-format off */
#define LONGS(do) \
    do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) \
    do(12) do(13) do(14) do(15) do(16) do(17) do(18) do(19) do(20) do(21) do(22) do(23)
#define DOUBLES LONGS
#define VECTORS(do) \
    do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) \
    do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)
#define COUNT(i) + 1
/* clang-format on */

/* Exact for what `noise` makes. Sums, unlike a change of sign, are made in floating-point registers
 * on every CPU. */
#define MIRROR 0x1p33

typedef unsigned vector __attribute__((vector_size(16)));

typedef struct values {
    unsigned long longs[0 LONGS(COUNT)];
    double doubles[0 DOUBLES(COUNT)];
    vector vectors[0 VECTORS(COUNT)];
} values;

/* A third, as each floating-point unit of the CPU rounds it. */
typedef struct third {
    float single;
    double twice;
    long double extended;
} third;

static const int rounding_modes[] = {
    FE_TONEAREST,
#if defined(FE_UPWARD) && defined(FE_DOWNWARD) && defined(FE_TOWARDZERO)
    FE_UPWARD,
    FE_DOWNWARD,
    FE_TOWARDZERO,
#endif
};
enum { MOST_ROUNDING_MODES = sizeof rounding_modes / sizeof rounding_modes[0] };

typedef struct world {
    int step, steps, current, target;
    bool draining;
    const int *order, *depths;
    coroutine_report *report;
    stack_slice *slices;            /* of number 0 to n */
    third thirds[MOST_ROUNDING_MODES];
} world;

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

/* Whether a function called by swap_stack finds the stack aligned as the compiler takes for
 * granted. */
static void
check_alignment(world *w, const void *sp)
{
    max_align_t local;
    uintptr_t address = (uintptr_t)&local;
    __asm__ volatile("" : "+r"(address));       /* else the compiler knows the answer */
    if (address % _Alignof(max_align_t) != 0 || (uintptr_t)sp % _Alignof(max_align_t) != 0) {
        complain(w, w->step, "alignment");
    }
}

/* Whether a large copy lies at the offset in a line of the cache that it has on the stack. What is
 * in it the canaries tell. */
static void
check_copy(world *w, const stack_slice *slice)
{
    size_t apart = ((uintptr_t)stack_copy_of(slice) - (uintptr_t)slice->start) % STACK_LINE;
    if (slice->saved >= STACK_ALIGNED_BYTES && apart != 0) {
        complain(w, w->step, "place of the copy");
    }
}

static void *
leave(void *sp, void *arg)
{
    world *w = arg;
    check_alignment(w, sp);
    stack_slice *from = &w->slices[w->current], *to = &w->slices[w->target];
    from->start = sp;
    if (stack_save(from, to) < 0) {
        from->start = NULL;
        return NULL;
    }
    check_copy(w, from);
    return to->start;
}

static void *
leave_to_begin(void *sp, void *arg)
{
    world *w = arg;
    check_alignment(w, sp);
    stack_slice *from = &w->slices[w->current];
    from->start = sp;
    stack_begin(&w->slices[w->target], sp, from);
    return sp;
}

static void *
leave_for_good(void *sp, void *arg)
{
    (void)sp;
    world *w = arg;
    stack_slice *to = &w->slices[w->target];
    return stack_save(&w->slices[w->current], to) < 0 ? NULL : to->start;
}

/* The stack that ends is needed no more, so that the new one begins in its place. */
static void *
leave_for_good_to_begin(void *sp, void *arg)
{
    (void)sp;
    world *w = arg;
    stack_slice *from = &w->slices[w->current], *to = &w->slices[w->target];
    stack_begin(to, from->stop, from);
    return to->stop;
}

/* Of a slice that was left: in a poison build its near end is gone, unless we lie there. */
static void
check_poison(world *w, const stack_slice *left)
{
    const volatile unsigned char *lay = (unsigned char *)left->start;
    bool below_us = left->start != NULL && left->start + 4096 < (char *)__builtin_frame_address(0);
    if (stack_poisons && below_us && lay[sizeof(uintptr_t)] != 0xDB) {
        complain(w, w->step, "poison");
    }
}

static void *
arrive(void *arg)
{
    world *w = arg;
    check_alignment(w, NULL);
    int origin = w->current;
    w->current = w->target;
    stack_restore(&w->slices[w->current], &w->slices[origin]);
    check_poison(w, &w->slices[origin]);
    return w;
}

static void body(world *w);

static void
begin(void *arg)
{
    world *w = arg;
    check_alignment(w, NULL);
    w->current = w->target;
    body(w);
}

/* Switches to `target` and tries again if that was refused, with all the values live in between: as
 * many as fit lie in the registers that a callee preserves, whichever these are on this CPU. They
 * come from volatile memory, so that the compiler cannot fetch them anew; it pays to have them in
 * registers since each attempt turns every bit of the integers, and mirrors the others. Returns the
 * number of attempts. */
static __attribute__((noinline)) int
switch_with_values(world *w, int target, volatile values *v)
{
#define LOAD(i) unsigned long long_##i = v->longs[i];
    LONGS(LOAD)
#undef LOAD
#define LOAD(i) double double_##i = v->doubles[i];
    DOUBLES(LOAD)
#undef LOAD
#define LOAD(i) vector vector_##i = v->vectors[i];
    VECTORS(LOAD)
#undef LOAD
    int attempts = 0;
    bool begins = w->slices[target].stop == NULL;
    void *back;
    do {
        attempts++;
        w->target = target;
#define TURN(i) long_##i = ~long_##i;
        LONGS(TURN)
#undef TURN
#define TURN(i) double_##i = MIRROR - double_##i;
        DOUBLES(TURN)
#undef TURN
#define TURN(i) vector_##i = ~vector_##i;
        VECTORS(TURN)
#undef TURN
        back = begins
            ? switchlib_start_stack(leave_to_begin, begin, w)
            : switchlib_swap_stack(leave, arrive, w);
    } while (back == NULL);
#define STORE(i) v->longs[i] = long_##i;
    LONGS(STORE)
#undef STORE
#define STORE(i) v->doubles[i] = double_##i;
    DOUBLES(STORE)
#undef STORE
#define STORE(i) v->vectors[i] = vector_##i;
    VECTORS(STORE)
#undef STORE
    w->report->switches++;
    w->report->refused += attempts - 1;
    return attempts;
}

static void
make_values(values *v, int id, int step)
{
    for (size_t i = 0; i < sizeof v->longs / sizeof v->longs[0]; i++) {
        v->longs[i] = noise(id, step, i) * (~0ul / ~0u);
    }
    for (size_t i = 0; i < sizeof v->doubles / sizeof v->doubles[0]; i++) {
        v->doubles[i] = noise(id, step, 100 + i);
    }
    for (size_t i = 0; i < sizeof v->vectors / sizeof v->vectors[0]; i++) {
        unsigned x = noise(id, step, 200 + i);
        v->vectors[i] = (vector){x, x * 3, x * 5, x * 7};
    }
}

static void
check_values(world *w, int step, const values *found, int attempts)
{
    values left;
    make_values(&left, w->current, step);
    bool turned = attempts % 2 != 0;
    for (size_t i = 0; i < sizeof left.longs / sizeof left.longs[0]; i++) {
        if (found->longs[i] != (turned ? ~left.longs[i] : left.longs[i])) {
            complain(w, step, "long");
        }
    }
    for (size_t i = 0; i < sizeof left.doubles / sizeof left.doubles[0]; i++) {
        if (found->doubles[i] != (turned ? MIRROR - left.doubles[i] : left.doubles[i])) {
            complain(w, step, "double");
        }
    }
    for (size_t i = 0; i < sizeof left.vectors / sizeof left.vectors[0]; i++) {
        vector x = turned ? ~left.vectors[i] : left.vectors[i];
        if (memcmp(&found->vectors[i], &x, sizeof x) != 0) {
            complain(w, step, "vector");
        }
    }
}

/* Not inline: only in memory is a value sure to have no more bits than its type. */
static __attribute__((noinline)) third
make_third(void)
{
    volatile float single = 1;
    volatile double twice = 1;
    volatile long double extended = 1;
    return (third){single / 3, twice / 3, extended / 3};
}

static bool
equal_thirds(const third *a, const third *b)
{
    return a->single == b->single && a->twice == b->twice && a->extended == b->extended;
}

/* Tries which rounding modes there are; arithmetic in software may know but one. */
static void
find_rounding_modes(world *w)
{
    for (int mode = 0; mode < MOST_ROUNDING_MODES; mode++) {
        fesetround(rounding_modes[mode]);
        w->thirds[mode] = make_third();
    }
    bool software = MOST_ROUNDING_MODES == 1 || equal_thirds(&w->thirds[0], &w->thirds[1]);
    w->report->rounding_modes = software ? 1 : MOST_ROUNDING_MODES;
}

static void
check_rounding(world *w, int step, int mode)
{
    third found = make_third();
    if (!equal_thirds(&found, &w->thirds[mode]) || fegetround() != rounding_modes[mode]) {
        complain(w, step, "rounding");
    }
}

/* One step of the running coroutine. */
static __attribute__((noinline)) void
take_step(world *w, int step, int target)
{
    int me = w->current, mode = me % w->report->rounding_modes;
    size_t depth = (size_t)w->depths[step];
    volatile unsigned char *canary = alloca(depth + 1);
    for (size_t i = 0; i < depth; i++) {
        canary[i] = (unsigned char)noise(me, step, i);
    }
    values v;
    make_values(&v, me, step);
    fesetround(rounding_modes[mode]);

    int attempts = switch_with_values(w, target, &v);

    check_rounding(w, step, mode);
    check_values(w, step, &v, attempts);
    for (size_t i = 0; i < depth; i++) {
        if (canary[i] != (unsigned char)noise(me, step, i)) {
            complain(w, step, "canary");
            break;
        }
    }
    w->report->bytes_compared += (long long)depth;
}

static bool
has_ended(const stack_slice *slice)
{
    return slice->stop != NULL && slice->start == NULL;
}

/* Returns the number of the coroutine that begins in the place of the one that runs, if the step is
 * an end; else 0. */
static int
take_steps(world *w)
{
    while (w->step < w->steps && !w->draining) {
        int step = w->step++, who = w->order[step];
        if (who < 0 && w->current != 0 && w->slices[-who].stop == NULL) {
            return -who;
        }
        if (who >= 0 && who != w->current && !has_ended(&w->slices[who])) {
            take_step(w, step, who);
        }
    }
    return 0;
}

/* The life of a coroutine: it leaves its stack for good, to number 0 or to one that begins. */
static void
body(world *w)
{
    w->target = take_steps(w);
    if (w->target != 0) {
        w->report->begun_at_an_end++;
        switchlib_start_stack(leave_for_good_to_begin, begin, w);
    }
    for (;;) {
        switchlib_swap_stack(leave_for_good, arrive, w);
        w->report->refused++;           /* only a refusal comes back */
    }
}

/* Resumes a coroutine for the last time: it checks, and ends. */
static void
finish(world *w, int i)
{
    for (;;) {
        w->target = i;
        if (switchlib_swap_stack(leave, arrive, w) != NULL) {
            w->report->switches++;
            return;
        }
        w->report->refused++;
    }
}

int
coroutines_run(int n, int steps, const int *order, const int *depths, coroutine_report *report)
{
    memset(report, 0, sizeof *report);
    report->first_bad_step = -1;
    for (int k = 0; k < steps; k++) {
        if (order[k] < -n || order[k] > n || depths[k] < 0) {
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
    find_rounding_modes(w);

    /* A coroutine that takes the last step ends, which leads here; so does a switch to number 0. */
    take_steps(w);
    w->draining = true;
    for (int i = 1; i <= n; i++) {
        if (slices[i].start != NULL) {
            finish(w, i);
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
