/* What Python sees of the C library through cffi: the cold part of it. csrc/coroutine.h and csrc/stack.h tell
 * what it means. */

typedef struct {
    long long switches;
    long long refused;
    long long bytes_compared;
    int first_bad_step;
    const char *what_was_bad;
} coroutine_report;

int coroutines_run(int n, int steps, const int *order, const int *depths, coroutine_report *report);

typedef struct {
    long long buffers;
    long long bytes;
} stack_statistics;

extern stack_statistics stack_counts;
extern long stack_fail_allocation;

const char *switchlib_abi_name(void);

int mechanism_fill(uintptr_t namespace_id, char *why, size_t size);
