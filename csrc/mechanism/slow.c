#include "slow.h"

#include "dump.h"
#include "safe_copy.h"
#include "timeline.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* How often it looks while the shortest stretch that it reports passes. */
#define LOOKS 8
#define MILLISECOND ((uint64_t)1000000)
#define SECOND (1000 * MILLISECOND)

/* What is known of a thread from the last look. */
typedef struct Seen {
    uint64_t id;
    uint64_t arrivals;
    uint64_t since;                 /* when that number was first seen, or when nothing else could
                                       run, or it waited for events, in ns */
    uint64_t cpu_since;             /* the processor time of the thread then, in ns */
    bool is_reported;
} Seen;

#define SEEN 1024                   /* a power of two; two threads that share an entry are missed */

/* Only the looking thread uses `seen`. `running` and `limit` are written while it does not run, and
 * `must_stop` under the lock. */
static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running, must_stop;
    int fd;
    int progress_fd;                /* -1 for none */
    uint64_t limit;                 /* ns; 0 if only progress is shown */
    Seen seen[SEEN];
} looker = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t
read_clock(clockid_t clock)
{
    struct timespec time;
    return clock_gettime(clock, &time) < 0
        ? 0
        : (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* --------------------------------------------------------------------------- what a thread does */

#ifdef __linux__

#  include <sys/syscall.h>

/* The processor time of a thread of this process; 0 if it has ended. Its clock is encoded as the
 * kernel does it (include/linux/posix-timers.h), since pthread_getcpuclockid must not be called
 * for a thread that may have ended. */
static uint64_t
cpu_time(unsigned long native_id)
{
    return read_clock((clockid_t)(~(unsigned int)native_id << 3 | 6));
}

/* In which system calls event loops wait. The last ones are sleeps. */
static const long waits[] = {
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
#ifdef SYS_epoll_pwait
    SYS_epoll_pwait,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
#ifdef SYS_poll
    SYS_poll,
#endif
#ifdef SYS_ppoll
    SYS_ppoll,
#endif
#ifdef SYS_select
    SYS_select,
#endif
#ifdef SYS__newselect
    SYS__newselect,
#endif
#ifdef SYS_pselect6
    SYS_pselect6,
#endif
#ifdef SYS_io_uring_enter
    SYS_io_uring_enter,
#endif
    SYS_nanosleep,
    SYS_clock_nanosleep,
};
#define SLEEPS 2                    /* how many of them */

/* Reads a number that is followed by a space; -1 if there is none. */
static long
parse_number(const char *text)
{
    long number = 0;
    int digits = 0;
    for (; *text >= '0' && *text <= '9' && digits < 9; text++, digits++) {
        number = number * 10 + (*text - '0');
    }
    return digits > 0 && *text == ' ' ? number : -1;
}

/* Whether a thread waits for events in the kernel. /proc/self/task/ID/syscall begins with the
 * number of the call, or with "running". If it cannot be read, a thread that has used no processor
 * time since the last look counts as waiting. */
static bool
waits_for_events(const Thread *thread, const Seen *seen, Loop loop)
{
    char path[64], text[32];
    snprintf(path, sizeof path, "/proc/self/task/%lu/syscall", thread->native_id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    if (length <= 0) {
        return cpu_time(thread->native_id) == seen->cpu_since;
    }
    text[length] = '\0';
    long number = parse_number(text);
    size_t count = Py_ARRAY_LENGTH(waits) - (loop == LOOP_THAT_SLEEPS ? 0 : SLEEPS);
    for (size_t i = 0; i < count; i++) {
        if (waits[i] == number) {
            return true;
        }
    }
    return false;
}

#else

static uint64_t
cpu_time(unsigned long Py_UNUSED(native_id))
{
    return 0;
}

/* It cannot be found out, and a false alarm at each idle moment would be worse than none. */
static bool
waits_for_events(const Thread *Py_UNUSED(thread), const Seen *Py_UNUSED(seen),
                 Loop Py_UNUSED(loop))
{
    return true;
}

#endif

/* How many other greenlets of the thread are suspended or unstarted; at most `most`. */
static int
count_waiting(const Thread *thread, int most)
{
    int count = 0;
    const Greenlet *g = thread->listed;
    for (int i = 0; g != NULL && i < MOST_GREENLETS && count < most; i++) {
        Greenlet object;
        State state;
        if (!safe_copy(&object, g, sizeof object)
            || !safe_copy(&state, object.state, sizeof state)) {
            break;
        }
        count += g != thread->current && (state.thread == NULL || state.slice.start != NULL);
        g = state.next_listed;
    }
    return count;
}

/* -------------------------------------------------------------------------------------- reports */

static void
put_milliseconds(Output *out, uint64_t ns)
{
    put_decimal(out, ns / MILLISECOND);
    put(out, " ms");
}

static void
put_report(const Thread *thread, const TimelineName *name, uint64_t ran, uint64_t cpu, int waiting)
{
    Output out = {.fd = looker.fd};
    put(&out, "switchlib: slow: greenlet ");
    put_address(&out, thread->current);
    if (name->text != NULL) {
        put(&out, " (");
        put_str(&out, name->text);
        put_char(&out, ')');
    }
    put(&out, " has run for ");
    put_milliseconds(&out, ran);
    put(&out, " without a switch (processor: ");
    put_milliseconds(&out, cpu);
    put(&out, "), while ");
    put_decimal(&out, (uint64_t)waiting);
    put(&out, waiting == MOST_GREENLETS ? " or more" : "");
    put(&out, waiting == 1 ? " other waits" : " others wait");
    put(&out, "; thread ");
    put_address(&out, (void *)thread->ident);
    if (name->thread_text != NULL) {
        put(&out, " (");
        put_str(&out, name->thread_text);
        put_char(&out, ')');
    }
    put(&out, ", most recent call first:\n");
    put_frames(&out, tstate_running_frame(thread->tstate, safe_copy));
    put_char(&out, '\n');
    flush(&out);
}

/* Looks at one thread, of which it has a copy. */
static void
look_at(const Thread *thread, uint64_t time)
{
    Seen *seen = &looker.seen[thread->id % SEEN];
    if (seen->id != thread->id || seen->arrivals != thread->arrivals) {
        *seen = (Seen){thread->id, thread->arrivals, time, cpu_time(thread->native_id), false};
        return;
    }
    if (thread->target != NULL || thread->current == NULL || thread->is_reporting) {
        return;                     /* it switches just now, or the recorder asks for a name */
    }
    TimelineName name = timeline_name_of(thread);
    if (count_waiting(thread, 1) == 0
        || (name.loop != NO_LOOP && waits_for_events(thread, seen, name.loop))) {
        seen->since = time;
        seen->cpu_since = cpu_time(thread->native_id);
        seen->is_reported = false;
        return;
    }
    if (seen->is_reported || time - seen->since < looker.limit) {
        return;
    }
    seen->is_reported = true;
    put_report(thread, &name, time - seen->since, cpu_time(thread->native_id) - seen->cpu_since,
               count_waiting(thread, MOST_GREENLETS));
}

static void
look(void)
{
    uint64_t time = read_clock(CLOCK_MONOTONIC);
    int left = MOST_THREADS;
    for (int i = 0; i < THREAD_BUCKETS; i++) {
        const Thread *thread = thread_buckets[i];
        for (Thread copy; thread != NULL && left > 0; thread = copy.next, left--) {
            if (!safe_copy(&copy, thread, sizeof copy)) {
                break;
            }
            if (copy.tstate != NULL && copy.of_main_interpreter) {
                look_at(&copy, time);
            }
        }
    }
}

static void
put_progress(uint64_t begin)
{
    Output out = {.fd = looker.progress_fd};
    put(&out, "\r\033[Kswitchlib: ");
    put_decimal(&out, (read_clock(CLOCK_MONOTONIC) - begin) / SECOND);
    put(&out, " s, ");
    put_decimal(&out, timeline_totals.arrivals);
    put(&out, " switches, ");
    put_decimal(&out, timeline_totals.created);
    put(&out, " greenlets made");
    flush(&out);
}

/* --------------------------------------------------------------------------------- on, and off */

/* Waits, and returns whether it was told to stop. */
static bool
wait_for(uint64_t ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    ns += (uint64_t)until.tv_nsec;
    until.tv_sec += (time_t)(ns / SECOND);
    until.tv_nsec = (long)(ns % SECOND);
    pthread_mutex_lock(&looker.lock);
    int status = 0;
    while (!looker.must_stop && status != ETIMEDOUT) {
        status = pthread_cond_timedwait(&looker.wake, &looker.lock, &until);
    }
    bool must_stop = looker.must_stop;
    pthread_mutex_unlock(&looker.lock);
    return must_stop;
}

static void *
run_looker(void *Py_UNUSED(arg))
{
    uint64_t begin = read_clock(CLOCK_MONOTONIC), shown = begin;
    uint64_t period = looker.limit == 0 ? SECOND : Py_MIN(looker.limit / LOOKS, SECOND);
    period = Py_MAX(period, MILLISECOND);
    while (!wait_for(period)) {
        if (looker.limit != 0) {
            look();
        }
        uint64_t time = read_clock(CLOCK_MONOTONIC);
        if (looker.progress_fd >= 0 && time - begin >= 5 * SECOND && time - shown >= SECOND) {
            shown = time;
            put_progress(begin);
        }
    }
    if (shown != begin) {
        Output out = {.fd = looker.progress_fd};
        put(&out, "\r\033[K");
        flush(&out);
    }
    return NULL;
}

static bool follows_forks;

/* A forked child does not have the thread. */
static void
in_child(void)
{
    looker.running = false;
    looker.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* All signals are blocked in it, so that none is delivered there. 0, or an error number. */
static int
start_looker(void)
{
    if (!follows_forks) {
        int error = pthread_atfork(NULL, NULL, in_child);
        if (error != 0) {
            return error;
        }
        follows_forks = true;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#ifdef __linux__
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    pthread_cond_init(&looker.wake, &attributes);
    pthread_condattr_destroy(&attributes);
    memset(looker.seen, 0, sizeof looker.seen);
    looker.must_stop = false;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&looker.thread, NULL, run_looker, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    looker.running = error == 0;
    return error;
}

PyObject *
slow_start(PyObject *Py_UNUSED(module), PyObject *args)
{
    double milliseconds;
    int fd, progress_fd;
    if (!PyArg_ParseTuple(args, "dii:slow_start", &milliseconds, &fd, &progress_fd)) {
        return NULL;
    }
    if (looker.running) {
        PyErr_SetString(PyExc_RuntimeError, "slow greenlets are being reported already");
        return NULL;
    }
    looker.limit = (uint64_t)(milliseconds * (double)MILLISECOND);
    looker.fd = fd;
    looker.progress_fd = progress_fd;
    int error = start_looker();
    if (error != 0) {
        errno = error;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

/* Whether it ran. */
PyObject *
slow_stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    if (!looker.running) {
        Py_RETURN_FALSE;
    }
    looker.running = false;         /* before the GIL is released */
    pthread_mutex_lock(&looker.lock);
    looker.must_stop = true;
    pthread_cond_signal(&looker.wake);
    pthread_mutex_unlock(&looker.lock);
    PyThreadState *ts = PyEval_SaveThread();
    pthread_join(looker.thread, NULL);
    PyEval_RestoreThread(ts);
    Py_RETURN_TRUE;
}
