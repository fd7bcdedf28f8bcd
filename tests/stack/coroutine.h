/* Plain C coroutines on the stack layer. They never enter the interpreter, so they prove the
 * assembly and the slices on any CPU and under any Python. */
#ifndef SWITCHLIB_COROUTINE_H
#define SWITCHLIB_COROUTINE_H

typedef struct coroutine_report {
    long long switches;             /* that took place */
    long long refused;              /* for want of memory; each was tried again */
    long long bytes_compared;       /* of canaries, after a switch */
    long long begun_at_an_end;      /* coroutines that began in the place of one that ended */
    int rounding_modes;             /* as many as this ABI knows; each coroutine has one of them */
    int first_bad_step;             /* -1 if all was found as it was left */
    const char *what_was_bad;       /* such as "canary" or "long", or NULL */
} coroutine_report;

/* Runs coroutines 1 to n next to the caller, which is number 0. In step k the one that runs fills
 * `depths[k]` bytes (0 or more) of its stack with a canary, switches to `order[k]` (0 to n), and
 * checks canary, live variables and rounding mode when another switches back to it. A step to a
 * coroutine that has ended does nothing. If `order[k]` is less than 0 the one that runs ends, and
 * coroutine -order[k] begins in its place; nothing is done if that one has begun already, or if
 * number 0 runs. After the last step each coroutine that began is resumed once more, to check and
 * to end. Returns 0, or -1 if there was no memory for the coroutines or an argument is out of
 * range. */
int coroutines_run(int n, int steps, const int *order, const int *depths, coroutine_report *report);

#endif
