#include "../csrc/tstate.h"

#include "floors.h"

#include "../asm/asm.h"
#include "../csrc/stack.h"

#include <alloca.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

typedef struct {
    stack_slice slice;
    tstate_slice tstate;
} coroutine;

static coroutine home, away, *current, *target;
static PyThreadState *thread;       /* whose state is swapped, too; or NULL */
static PyObject *decide;            /* what is called before each switch; or NULL */
static size_t room;

static void *
leave(void *sp, void *arg)
{
    (void)arg;
    current->slice.start = sp;
    if (thread != NULL) {
        tstate_save(&current->tstate, thread);
    }
    if (stack_save(&current->slice, &target->slice) < 0) {
        abort();
    }
    return target->slice.start;
}

static void
turn(void)
{
    coroutine *origin = current;
    current = target;
    target = origin;
}

static void *
arrive(void *arg)
{
    stack_restore(&target->slice, &current->slice);
    if (thread != NULL) {
        tstate_restore(&target->tstate, thread);
    }
    turn();
    return arg;
}

static void *
leave_to_begin(void *sp, void *arg)
{
    (void)arg;
    current->slice.start = sp;
    if (thread != NULL) {
        tstate_save(&current->tstate, thread);
        target->tstate = current->tstate;       /* no Python code runs here: any state will do */
        tstate_restore(&target->tstate, thread);
    }
    stack_begin(&target->slice, sp, &current->slice);
    return sp;
}

/* One loop for both, as the eval loop is one: a processor foretells where a return goes by the last
 * call. */
static __attribute__((noinline)) void
go_on(long times)
{
    for (long i = 0; i < times; i++) {
        if (decide != NULL) {
            PyObject *decision = PyObject_Vectorcall(decide, &decide, 1, NULL);
            if (decision == NULL) {
                abort();
            }
            Py_DECREF(decision);
        }
        switchlib_swap_stack(leave, arrive, NULL);
    }
}

static void
begin(void *arg)
{
    (void)arg;
    turn();
    volatile char *locals = alloca(room);
    locals[0] = 0;
    go_on(LONG_MAX);
}

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

floors_found
floors_switch(size_t locals, long switches, int state_too, size_t function)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    room = locals;
    thread = state_too ? PyThreadState_Get() : NULL;
    decide = (PyObject *)function;
    home = (coroutine){.slice = {.stop = STACK_END}};
    away = (coroutine){0};
    current = &home;
    target = &away;
    switchlib_start_stack(leave_to_begin, begin, NULL);
    double began = now();
    go_on(switches / 2);
    floors_found found = {(now() - began) / (double)switches, away.slice.saved};
    stack_forget(&home.slice);
    stack_forget(&away.slice);
    PyGILState_Release(gil);
    return found;
}

#define PAGE ((size_t)4096)

double
floors_copy(size_t bytes, size_t apart)
{
    size_t size = bytes + 2 * PAGE;
    char *memory = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return -1;
    }
    char *near = memory, *far = near + (bytes + PAGE - 1) / PAGE * PAGE + apart % PAGE;
    memset(memory, 1, 2 * size);
    long copies = 2000;
    double began = now();
    for (long i = 0; i < copies; i += 2) {
        memcpy(far, near, bytes);
        __asm__ volatile("" ::: "memory");  /* the compiler must not know that nothing changed */
        memcpy(near, far, bytes);
        __asm__ volatile("" ::: "memory");
    }
    double seconds = (now() - began) / (double)copies;
    munmap(memory, 2 * size);
    return seconds;
}

/* Sattolo's algorithm: `next` becomes one cycle through all. */
static void
shuffle(size_t *next, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        next[i] = i;
    }
    srandom(1);
    for (size_t i = count - 1; i > 0; i--) {
        size_t other = (size_t)random() % i, kept = next[i];
        next[i] = next[other];
        next[other] = kept;
    }
}

double
floors_read(size_t blocks, size_t bytes)
{
    size_t *next = malloc(blocks * sizeof *next);
    int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *memory = mmap(NULL, blocks * bytes, protection, flags, -1, 0);
    if (next == NULL || memory == MAP_FAILED) {
        free(next);
        return 0;
    }
    madvise(memory, blocks * bytes, MADV_HUGEPAGE);     /* if it cannot be, it is slower */
    shuffle(next, blocks);
    for (size_t i = 0; i < blocks; i++) {
        *(char **)(memory + i * bytes) = memory + next[i] * bytes;
    }
    size_t reads = blocks < 200000 ? 200000 : blocks;
    char *at = memory;
    double began = now();
    for (size_t i = 0; i < reads; i++) {
        char *following = *(char *volatile *)at;
        for (size_t line = STACK_LINE; line < bytes; line += STACK_LINE) {
            (void)*(volatile char *)(at + line);
        }
        at = following;
    }
    double seconds = (now() - began) / (double)reads;
    munmap(memory, blocks * bytes);
    free(next);
    return seconds;
}
