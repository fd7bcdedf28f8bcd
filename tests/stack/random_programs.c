/* Random programs for coroutines, in a process of their own, for checkers that follow memory:
 *
 *     random_programs COUNT SEED
 *
 * Every second program has one allocation refused. Prints what was done. */
#include "coroutine.h"

#include "../../csrc/stack.h"

#include <stdio.h>
#include <stdlib.h>

#define STEPS 60

static unsigned long long state;

static unsigned
below(unsigned limit)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % limit;
}

static int
depth(void)
{
    switch (below(32)) {
    case 0:
        return (int)below(256 * 1024);
    case 1:
    case 2:
    case 3:
        return (int)below(16 * 1024);
    default:
        return (int)below(512);
    }
}

int
main(int argc, char **argv)
{
    long programs = argc > 1 ? atol(argv[1]) : 1000;
    state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    long long switches = 0, refused = 0, bytes = 0;
    for (long program = 0; program < programs; program++) {
        int order[STEPS], depths[STEPS];
        int n = 1 + (int)below(10), steps = 1 + (int)below(STEPS);
        for (int i = 0; i < steps; i++) {
            order[i] = (int)below((unsigned)n + 1) * (below(8) == 0 ? -1 : 1);
            depths[i] = depth();
        }
        coroutine_report report;
        stack_fail_allocation = program % 2 ? 1 + (long)below(20) : 0;
        if (coroutines_run(n, steps, order, depths, &report) < 0 || report.first_bad_step >= 0) {
            const char *what = report.what_was_bad;
            printf("program %ld: %s in step %d\n", program, what, report.first_bad_step);
            return 1;
        }
        stack_fail_allocation = 0;
        if (stack_counts.buffers != 0 || stack_counts.bytes != 0) {
            printf("program %ld: %lld bytes were left\n", program, stack_counts.bytes);
            return 1;
        }
        switches += report.switches;
        refused += report.refused;
        bytes += report.bytes_compared;
    }
    printf("%ld %lld %lld %lld\n", programs, switches, refused, bytes);
    return 0;
}
