/* The builtins that switch: greenlet.switch and greenlet.throw. */
#include "parts.h"

/* Calls of up to this many arguments are passed on to policy without an allocation. */
#define SMALL_CALL 6

/* A tuple of no names is as good as none; only C passes one. */
static inline PyObject *
names_if_any(PyObject *kwnames)
{
    return kwnames != NULL && PyTuple_GET_SIZE(kwnames) == 0 ? NULL : kwnames;
}

/* Asks policy's switch with self before the arguments. In a function of its own: its frame is gone when the stack
 * is left. */
static __attribute__((noinline)) Settled
ask_switch(Thread *thread, PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t total = nargs + (kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames));
    PyObject *small[SMALL_CALL + 1], **array = small;
    if (total > SMALL_CALL) {
        array = PyMem_Malloc((size_t)(total + 1) * sizeof *array);
        if (array == NULL) {
            return (Settled){DONE, PyErr_NoMemory()};
        }
    }
    array[0] = self;
    for (Py_ssize_t i = 0; i < total; i++) {
        array[i + 1] = args[i];
    }
    Settled settled = ask_and_settle(
        thread, kwnames == NULL ? P_SWITCH_POSITIONAL : P_SWITCH, array, nargs + 1, kwnames, NULL);
    if (array != small) {
        PyMem_Free(array);
    }
    return settled;
}

static PyObject *
pack_positional(PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *tuple = PyTuple_New(nargs);
    for (Py_ssize_t i = 0; tuple != NULL && i < nargs; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    }
    return tuple;
}

static PyObject *
pack_keywords(PyObject *const *values, PyObject *kwnames)
{
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && i < PyTuple_GET_SIZE(kwnames); i++) {
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(kwnames, i), values[i]) < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

int
pack_call(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **tuple, PyObject **dict)
{
    *dict = NULL;
    *tuple = pack_positional(args, nargs);
    if (*tuple == NULL || kwnames == NULL) {
        return *tuple == NULL ? -1 : 0;
    }
    *dict = pack_keywords(args + nargs, kwnames);
    if (*dict == NULL) {
        release(*tuple);
        return -1;
    }
    return 0;
}

/* Whether the function takes a start's arguments out of an array, without a tuple in between, as the first step on the new
 * stack: nothing else is to be done there first, and no extension has put a vectorcall of its own into the function. */
static inline bool
takes_array(const Thread *thread, const Greenlet *target, PyObject *run, Callee callee, Py_ssize_t nargs)
{
    PyObject *own = target->state->run;
    bool of_self = callee.self != NULL;
    return callee.function != NULL && callee.function->vectorcall == function_vectorcall
        && (own == NULL || own == run) && Py_REFCNT(thread->current) > 1 && (!of_self || nargs <= LENT_WITH_SELF)
        && tstate_copies_at_once((PyObject *)callee.function, nargs + of_self);
}

/* Puts them there. */
static inline void
lend_array(Thread *thread, Callee callee, PyObject *const *args, Py_ssize_t nargs)
{
    thread->function = callee.function;
    thread->array = args;
    thread->nargs = nargs;
    if (callee.self != NULL) {
        thread->with_self[0] = callee.self;
        for (Py_ssize_t i = 0; i < nargs; i++) {
            thread->with_self[i + 1] = args[i];
        }
        thread->array = thread->with_self;
        thread->nargs = nargs + 1;
    }
}

/* Packs the arguments and starts the target with this run, which it takes over. RETRY if the target is not to be started
 * any more. */
static __attribute__((noinline)) Settled
start_packed(Thread *thread, Greenlet *target, PyObject *run, PyObject *const *args, Py_ssize_t nargs,
             PyObject *kwnames)
{
    PyObject *tuple, *dict;
    if (pack_call(args, nargs, kwnames, &tuple, &dict) < 0) {
        release(run);
        return (Settled){DONE, NULL};
    }
    Settled settled = settle_run(thread, target, run, tuple, dict, NULL, NULL);
    let_go(tuple, settled);
    let_go(dict, settled);
    return settled;
}

/* The shortcut for a start. RETRY if it does not apply. */
static Settled
start_fast(Thread *thread, Greenlet *target, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Settled settled = {RETRY, NULL};
    PyObject *run = belongs_here(thread, target) ? run_of_start(target, &settled) : NULL;
    if (run == NULL) {
        return settled;
    }
    Callee callee = callee_of(run);
    if (kwnames != NULL || thread->fast == NULL || !takes_array(thread, target, run, callee, nargs)) {
        return start_packed(thread, target, run, args, nargs, kwnames);
    }
    settled = prepare_start(thread, target, run, callee);
    if (settled.what == BEGIN) {
        lend_array(thread, callee, args, nargs);
    }
    return settled;
}

/* A switch to `self`, which is suspended in this thread. Takes the payload over. */
static inline PyObject *
switch_to(Thread *thread, PyObject *self, PyObject *payload)
{
    thread->target = (Greenlet *)Py_NewRef(self);
    thread->payload = payload;
    return swap(leave, arrive, thread);
}

static inline bool
has_dict(PyObject *self)
{
    return !TSTATE_DICT_SPEEDS_METHODS || ((Greenlet *)self)->dict != NULL;
}

/* What a switch hands over: nothing as (), one argument as it is, several as a tuple; keywords as a dict, and both as
 * (tuple, dict). NULL with an exception set if there is no memory. To allocate may run anything. */
static PyObject *
pack_payload(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    if (kwnames == NULL) {
        return nargs == 1 ? Py_NewRef(args[0]) : pack_positional(args, nargs);
    }
    if (nargs == 0) {
        return pack_keywords(args, kwnames);
    }
    PyObject *tuple, *dict;
    if (pack_call(args, nargs, kwnames, &tuple, &dict) < 0) {
        return NULL;
    }
    PyObject *payload = PyTuple_Pack(2, tuple, dict);
    release(tuple);
    release(dict);
    return payload;
}

static PyObject *switch_slowly(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

/* The shortcut for a plain switch that packs its arguments. */
static __attribute__((noinline)) PyObject *
switch_packed(Thread *thread, PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    kwnames = names_if_any(kwnames);
    PyObject *payload = pack_payload(args, nargs, kwnames);
    if (payload == NULL) {
        return NULL;
    }
    if (unlikely(!is_plain(thread, (Greenlet *)self))) {
        release(payload);
        return switch_slowly(self, args, nargs, kwnames);
    }
    return switch_to(thread, self, payload);
}

static __attribute__((noinline)) PyObject *
switch_slowly(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    kwnames = names_if_any(kwnames);
    State *to = ((Greenlet *)self)->state;
    if (!has_dict(self) && to->slice.start != NULL) {
        give_dict((Greenlet *)self);
    }
    Thread *thread = thread_find(false);
    if (thread != NULL && is_plain(thread, (Greenlet *)self)) {
        return switch_packed(thread, self, args, nargs, kwnames);
    }
    Settled settled = {RETRY, NULL};
    if (thread != NULL && thread->fast != NULL && is_unstarted(to)) {
        settled = start_fast(thread, (Greenlet *)self, args, nargs, kwnames);
    }
    if (settled.what == RETRY) {
        thread = thread_here();
        if (thread == NULL) {
            return NULL;
        }
        settled = ask_switch(thread, self, args, nargs, kwnames);
    }
    return carry_out(settled, thread);
}

/* Its common case calls nothing before it jumps into swap: there is nothing to keep, so no frame. */
PyObject *
greenlet_switch(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Thread *thread = here;
    if (unlikely(!is_fast(thread) || !is_plain(thread, (Greenlet *)self) || !has_dict(self))) {
        return switch_slowly(self, args, nargs, kwnames);
    }
    if (likely(nargs <= 1 && kwnames == NULL)) {
        return switch_to(thread, self, Py_NewRef(nargs == 0 ? empty_tuple : args[0]));
    }
    return switch_packed(thread, self, args, nargs, kwnames);
}

/* The exception that throw(typ, val) raises, as an instance. It runs user code (the class is called), which no
 * policy frame must stand under. If that raises, it is the exception, with its `traceback`. */
static PyObject *
make_exception(PyObject *type, PyObject *value, PyObject **traceback)
{
    if (PyExceptionInstance_Check(type)) {
        if (value != NULL && value != Py_None) {
            PyErr_SetString(PyExc_TypeError, "instance exception may not have a separate value");
            return NULL;
        }
        return Py_NewRef(type);
    }
    if (!PyExceptionClass_Check(type)) {
        PyErr_Format(PyExc_TypeError, "exceptions must be classes, or instances, not %s",
                     Py_TYPE(type)->tp_name);
        return NULL;
    }
    Py_INCREF(type);
    Py_XINCREF(value);
    PyErr_NormalizeException(&type, &value, traceback);
    Py_XDECREF(type);
    return value;
}

/* Asks policy where to raise the exception with this traceback; takes both over. */
static __attribute__((noinline)) PyObject *
throw_slowly(PyObject *self, PyObject *exception, PyObject *traceback)
{
    Thread *thread = thread_here();
    PyObject *asked[] = {self, exception};
    Settled settled = {DONE, NULL};
    if (thread != NULL) {
        settled = ask_and_settle(thread, P_THROW, asked, 2, NULL, traceback);
    }
    let_go(exception, settled);
    let_go(traceback, settled);
    return carry_out(settled, thread);
}

PyObject *
greenlet_throw(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs > 3) {
        PyErr_Format(PyExc_TypeError, "throw() takes at most 3 arguments (%zd given)", nargs);
        return NULL;
    }
    PyObject *traceback = nargs > 2 && args[2] != Py_None ? args[2] : NULL;
    if (traceback != NULL && !PyTraceBack_Check(traceback)) {
        PyErr_SetString(PyExc_TypeError, "throw() third argument must be a traceback object");
        return NULL;
    }
    PyObject *raised = NULL;
    PyObject *exception = make_exception(nargs > 0 ? args[0] : GreenletExit, nargs > 1 ? args[1] : NULL, &raised);
    if (exception == NULL) {
        return NULL;
    }
    traceback = raised == NULL ? Py_XNewRef(traceback) : raised;
    Thread *thread = here;
    if (likely(is_fast(thread) && is_plain(thread, (Greenlet *)self))) {
        thread->target = (Greenlet *)Py_NewRef(self);
        thread->payload = exception;
        thread->traceback = traceback;
        return swap(leave, arrive_to_raise, thread);
    }
    return throw_slowly(self, exception, traceback);
}
