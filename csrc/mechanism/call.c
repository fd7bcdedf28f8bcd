#include "call.h"

#include "constants.h"
#include "decision.h"
#include "enter.h"
#include "exception.h"
#include "life.h"
#include "start.h"
#include "switch.h"

vectorcallfunc function_vectorcall;

/* Leaves the current greenlet as was settled, and returns when something switches back; or
 * returns the result at once. */
static inline PyObject *
carry_out(Settled settled, Thread *thread)
{
    switch (settled.what) {
    case RESUME:
        return swap(leave, arrive, thread);
    case RAISE:
        return swap(leave, arrive_to_raise, thread);
    case BEGIN:
        return switchlib_start_stack(leave_to_begin, begin, thread);
    default:
        return settled.result;
    }
}

/* ------------------------------------------------------------------------------------ arguments */

/* An empty tuple of names means the same as none. Only C code passes one. */
static inline PyObject *
names_if_any(PyObject *kwnames)
{
    return kwnames != NULL && PyTuple_GET_SIZE(kwnames) == 0 ? NULL : kwnames;
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
pack_call(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **tuple,
          PyObject **dict)
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

/* What a switch hands over: no argument as (), one as it is, several as a tuple; keywords as a
 * dict, and both as (tuple, dict). NULL with an exception set if there is no memory. An
 * allocation may run anything. */
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

/* ----------------------------------------------------------------------- a start without policy */

/* Whether the callee may take a start's arguments out of the caller's array, without a tuple in
 * between, as the first step on the new stack. Then nothing else may have to be done there
 * first, such as releasing a replaced run, or the last reference to the current greenlet. And no
 * extension may have given the function a vectorcall of its own. */
static inline bool
can_lend_args(const Thread *thread, const Greenlet *target, PyObject *run, Callee callee,
              Py_ssize_t nargs)
{
    PyObject *own = target->state->run;
    bool of_self = callee.self != NULL;
    return callee.function != NULL && callee.function->vectorcall == function_vectorcall
        && (own == NULL || own == run) && Py_REFCNT(thread->current) > 1
        && (!of_self || nargs <= LENT_WITH_SELF)
        && tstate_copies_args_first((PyObject *)callee.function, nargs + of_self);
}

static inline void
lend_args(Thread *thread, Callee callee, PyObject *const *args, Py_ssize_t nargs)
{
    thread->lent_function = callee.function;
    thread->lent_args = args;
    thread->lent_nargs = nargs;
    if (callee.self != NULL) {
        thread->lent_with_self[0] = callee.self;
        for (Py_ssize_t i = 0; i < nargs; i++) {
            thread->lent_with_self[i + 1] = args[i];
        }
        thread->lent_args = thread->lent_with_self;
        thread->lent_nargs = nargs + 1;
    }
}

/* Settles a start with this run, which it takes over, and packed arguments. */
static __attribute__((noinline)) Settled
settle_start_packed(Thread *thread, Greenlet *target, PyObject *run, PyObject *const *args,
                    Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *tuple, *dict;
    if (pack_call(args, nargs, kwnames, &tuple, &dict) < 0) {
        release(run);
        return FAILED;
    }
    Settled settled = settle_run(thread, target, run, (Given){.args = tuple, .kwargs = dict});
    let_go(tuple, settled);
    let_go(dict, settled);
    return settled;
}

/* Settles a start; RETRY if the policy has to decide. */
static Settled
settle_start_at_once(Thread *thread, Greenlet *target, PyObject *const *args, Py_ssize_t nargs,
                     PyObject *kwnames)
{
    if (!belongs_here(thread, target)) {
        return SETTLED(RETRY);
    }
    PyObject *run = find_run(target);
    if (run == NULL) {
        return without_run(target);
    }
    Callee callee = callee_of(run);
    if (kwnames != NULL || !thread->may_lend_args || tstate_context_is_watched()
        || !can_lend_args(thread, target, run, callee, nargs)) {
        return settle_start_packed(thread, target, run, args, nargs, kwnames);
    }
    Settled settled = prepare_start(thread, target, run, callee);
    if (settled.what == BEGIN) {
        lend_args(thread, callee, args, nargs);
    }
    return settled;
}

/* --------------------------------------------------------------------------------------- switch */

/* Calls of up to this many arguments are passed on to the policy without an allocation. */
#define SMALL_CALL 6

/* Asks the policy's switch, with self before the arguments. This is a function of its own, so
 * that its frame is gone when the stack is left. */
static __attribute__((noinline)) Settled
ask_switch(Thread *thread, PyObject *self, PyObject *const *args, Py_ssize_t nargs,
           PyObject *kwnames)
{
    Py_ssize_t total = nargs + (kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames));
    PyObject *small[SMALL_CALL + 1], **array = small;
    if (total > SMALL_CALL) {
        array = PyMem_Malloc((size_t)(total + 1) * sizeof *array);
        if (array == NULL) {
            PyErr_NoMemory();
            return FAILED;
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

/* Makes a plain switch ready. Takes the payload over. */
static inline Settled
prepare_resume(Thread *thread, Greenlet *self, PyObject *payload)
{
    thread->target = (Greenlet *)Py_NewRef(self);
    thread->payload = payload;
    return SETTLED(RESUME);
}

/* Packs the arguments of a plain switch. RETRY if it is no longer plain after that. */
static inline Settled
prepare_resume_packed(Thread *thread, Greenlet *self, PyObject *const *args, Py_ssize_t nargs,
                      PyObject *kwnames)
{
    PyObject *payload = pack_payload(args, nargs, kwnames);
    if (payload == NULL) {
        return FAILED;
    }
    if (unlikely(!is_plain(thread, self))) {
        release(payload);
        return SETTLED(RETRY);
    }
    return prepare_resume(thread, self, payload);
}

static inline bool
has_dict(const Greenlet *self)
{
    return !TSTATE_DICT_SPEEDS_METHODS || self->dict != NULL;
}

/* Settles a switch without the policy; RETRY if that cannot be done. */
static inline Settled
settle_at_once(Thread *thread, Greenlet *self, PyObject *const *args, Py_ssize_t nargs,
               PyObject *kwnames)
{
    if (thread == NULL || thread->fast_tstate == NULL) {
        return SETTLED(RETRY);
    }
    if (is_unstarted(self->state)) {
        return settle_start_at_once(thread, self, args, nargs, kwnames);
    }
    if (!is_plain(thread, self)) {
        return SETTLED(RETRY);
    }
    return prepare_resume_packed(thread, self, args, nargs, kwnames);
}

static __attribute__((noinline)) PyObject *
switch_slowly(Greenlet *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    kwnames = names_if_any(kwnames);
    if (!has_dict(self) && self->state->slice.start != NULL) {
        give_dict(self);
    }
    Thread *thread = thread_find();
    Settled settled = settle_at_once(thread, self, args, nargs, kwnames);
    if (settled.what == RETRY) {
        thread = thread_enter();
        if (thread == NULL) {
            return NULL;
        }
        settled = ask_switch(thread, (PyObject *)self, args, nargs, kwnames);
    }
    return carry_out(settled, thread);
}

static __attribute__((noinline)) PyObject *
switch_packed(Thread *thread, Greenlet *self, PyObject *const *args, Py_ssize_t nargs,
              PyObject *kwnames)
{
    Settled settled = prepare_resume_packed(thread, self, args, nargs, names_if_any(kwnames));
    if (unlikely(settled.what == RETRY)) {
        return switch_slowly(self, args, nargs, kwnames);
    }
    return carry_out(settled, thread);
}

/* The common case calls nothing before it jumps into swap. It has nothing to keep, so it needs
 * no frame. */
PyObject *
greenlet_switch(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Greenlet *self = (Greenlet *)object;
    Thread *thread = last_thread;
    if (unlikely(!is_fast(thread) || !is_plain(thread, self) || !has_dict(self))) {
        return switch_slowly(self, args, nargs, kwnames);
    }
    if (likely(nargs <= 1 && kwnames == NULL)) {
        PyObject *payload = Py_NewRef(nargs == 0 ? empty_tuple : args[0]);
        return carry_out(prepare_resume(thread, self, payload), thread);
    }
    return switch_packed(thread, self, args, nargs, kwnames);
}

/* ---------------------------------------------------------------------------------------- throw */

/* The exception that throw(typ, val) raises, as an instance. NULL with an exception set if `typ`
 * is not an exception. Making the instance calls the class, which is user code, so the policy
 * does not do it. If the class raises an exception, that one is returned, and `traceback` is its
 * traceback. */
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

/* Asks the policy where to raise the exception with this traceback. Takes both over. */
static __attribute__((noinline)) PyObject *
throw_slowly(PyObject *self, PyObject *exception, PyObject *traceback)
{
    Thread *thread = thread_enter();
    PyObject *asked[] = {self, exception};
    Settled settled = FAILED;
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
    PyObject *exception = make_exception(
        nargs > 0 ? args[0] : GreenletExit, nargs > 1 ? args[1] : NULL, &raised);
    if (exception == NULL) {
        return NULL;
    }
    traceback = raised == NULL ? Py_XNewRef(traceback) : raised;
    Thread *thread = last_thread;
    if (likely(is_fast(thread) && is_plain(thread, (Greenlet *)self))) {
        thread->target = (Greenlet *)Py_NewRef(self);
        thread->payload = exception;
        thread->traceback = traceback;
        return swap(leave, arrive_to_raise, thread);
    }
    return throw_slowly(self, exception, traceback);
}
