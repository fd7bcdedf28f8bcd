/* What Python sees of asm/asm.h and csrc/stack.h through cffi. */

extern const char *const switchlib_abi;

typedef struct {
    long long buffers;
    long long bytes;
    long long reserves_used;
} stack_statistics;

extern stack_statistics stack_counts;
extern long stack_fail_allocation;
extern const int stack_poisons;
