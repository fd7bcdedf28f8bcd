/* Plain C coroutines on the stack layer. They never enter the interpreter, so they prove the assembly and the
 * slices on any CPU and under any Python. */
#ifndef SWITCHLIB_COROUTINE_H
#define SWITCHLIB_COROUTINE_H

typedef struct coroutine_report {
    long long switches;             /* that took place */
    long long refused;              /* for want of memory; each was tried again */
    long long bytes_compared;       /* of canaries, after a switch */
    int rounding_modes;             /* how many the arithmetic of this ABI knows; each coroutine has one of them */
    int first_bad_step;             /* -1 if all was found as it was left */
    const char *what_was_bad;       /* "canary", "long", "double", "vector", "rounding", "alignment", "place of the copy", or NULL */
} coroutine_report;

/* Runs coroutines 1 to n beside the caller, which is number 0. In step k whoever runs fills `depths[k]` bytes
 * (0 or more) of its stack with a canary, switches to `order[k]` (0 to n), and checks canary, live variables
 * and rounding mode when somebody switches back to it. After the last step each coroutine that began is
 * resumed once more, to check and to end. Returns 0, or -1 if there was no memory for the coroutines or an
 * argument is out of range. */
int coroutines_run(int n, int steps, const int *order, const int *depths, coroutine_report *report);

#endif
