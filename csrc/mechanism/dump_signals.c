#include "dump_signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#ifndef NSIG
#  define NSIG 65
#endif

static const int fatal_signals[] = {SIGSEGV, SIGFPE, SIGABRT, SIGBUS, SIGILL};

typedef struct Watched {
    bool on;
    bool was_fatal;                 /* our handler has passed the signal on */
    int fd;
    struct sigaction before;        /* the handler that ours has replaced */
} Watched;

static Watched watched[NSIG];
static bool dumping;                /* for a signal that is not fatal */

/* ------------------------------------------------------------------------------------- handlers */

static void
on_signal(int signum)
{
    int error = errno;
    if (watched[signum].on && !__atomic_exchange_n(&dumping, true, __ATOMIC_ACQUIRE)) {
        dump_all(watched[signum].fd);
        __atomic_store_n(&dumping, false, __ATOMIC_RELEASE);
    }
    errno = error;
}

/* The handler from before is put back first: it gets the signal next, and also any fault of the
 * dump itself. If it is faulthandler's, it passes the signal on to the handler that it has
 * replaced, which may again be ours. Then nothing is left but the default. */
static void
on_fatal_signal(int signum)
{
    int error = errno;
    Watched *this = &watched[signum];
    struct sigaction next = this->before;
    if (this->was_fatal) {
        next = (struct sigaction){.sa_handler = SIG_DFL};
    }
    this->was_fatal = true;
    sigaction(signum, &next, NULL);
    if (this->on) {
        this->on = false;
        dump_all(this->fd);
    }
    errno = error;
    raise(signum);
}

/* ------------------------------------------------------------------------------- on, and off */

static bool
is_ours(const struct sigaction *action)
{
    return action->sa_handler == on_signal || action->sa_handler == on_fatal_signal;
}

/* 0, or -1 with an exception set. */
static int
watch(int signum, int fd, void (*handler)(int), int flags)
{
    Watched *this = &watched[signum];
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags | SA_ONSTACK}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(signum, NULL, &before) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    if (!is_ours(&before)) {
        this->before = before;
    }
    this->fd = fd;
    this->was_fatal = false;
    TSTATE_IN_ORDER;
    this->on = true;
    if (sigaction(signum, &action, NULL) < 0) {
        this->on = false;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}

/* Whether the signal was watched. If another handler has replaced ours, it may pass the signal on
 * to ours, so that one stays: it passes the signal on, too. */
static bool
unwatch(int signum)
{
    Watched *this = &watched[signum];
    struct sigaction now;
    bool was_on = this->on;
    this->on = false;
    if (was_on && sigaction(signum, NULL, &now) == 0 && is_ours(&now)) {
        sigaction(signum, &this->before, NULL);
    }
    return was_on;
}

/* A stack for this thread's handlers, unless it has one: its own may have overflowed. It is never
 * freed. 0, or -1 with an exception set. */
static int
give_signal_stack(void)
{
    const size_t size = 64 * 1024;
    stack_t stack;
    if (sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE)) {
        return 0;
    }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack = (stack_t){.ss_sp = memory, .ss_size = size};
    if (memory == MAP_FAILED || sigaltstack(&stack, NULL) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------------------------- for Python */

/* The number of a signal that is not fatal; -1 with an exception set. */
static int
signal_number(PyObject *object)
{
    long signum = PyLong_AsLong(object);
    if (signum == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (signum < 1 || signum >= NSIG) {
        PyErr_SetString(PyExc_ValueError, "signal number out of range");
        return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(fatal_signals); i++) {
        if (signum == fatal_signals[i]) {
            PyErr_Format(PyExc_ValueError,
                         "signal %ld is that of a fatal error: use dump_on_fatal_error", signum);
            return -1;
        }
    }
    return (int)signum;
}

PyObject *
dump_on_signal(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *number;
    int fd;
    if (!PyArg_ParseTuple(args, "Oi:dump_on_signal", &number, &fd)) {
        return NULL;
    }
    int signum = signal_number(number);
    if (signum < 0 || watch(signum, fd, on_signal, SA_RESTART) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyObject *
stop_dump_on_signal(PyObject *Py_UNUSED(module), PyObject *number)
{
    int signum = signal_number(number);
    return signum < 0 ? NULL : PyBool_FromLong(unwatch(signum));
}

PyObject *
dump_on_fatal_error(PyObject *Py_UNUSED(module), PyObject *object)
{
    int fd = (int)PyLong_AsLong(object);
    if ((fd == -1 && PyErr_Occurred()) || give_signal_stack() < 0) {
        return NULL;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(fatal_signals); i++) {
        if (watch(fatal_signals[i], fd, on_fatal_signal, SA_NODEFER) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

PyObject *
stop_dump_on_fatal_error(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    bool was_on = false;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(fatal_signals); i++) {
        was_on |= unwatch(fatal_signals[i]);
    }
    return PyBool_FromLong(was_on);
}
