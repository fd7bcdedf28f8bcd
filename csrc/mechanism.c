/* Greenlets for CPython.
 *
 * Read it in this order: the structures; a switch (leave, arrive); the life of a greenlet (start, begin,
 * finish); asking the policy and carrying out what it decided; the builtins; the end of greenlets that
 * nobody refers to and of threads; what Python sees.
 *
 * The policy is the class in switchlib/_greenlet.py. A builtin asks the policy's function of its name, whose
 * answer is a decision:
 *
 *     (SWITCH, target, value)          value comes out of target's switch
 *     (THROW, target, exception)       exception is raised there
 *     (START, target, args, kwargs)    target's run is called with these on a new stack
 *
 * When the function has returned, mechanism checks that the decision still holds (another thread, a collector
 * or a signal handler may have run since), and carries it out in one step in which no Python code runs.
 * Where the answer can only be one, mechanism need not ask: these places test `thread->fast`.
 */
#include "mechanism.h"

#include "../asm/asm.h"
#include "stack.h"
#include "tstate.h"

#include <stdbool.h>
#include <structmember.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* ------------------------------------------------------------------------------------------- structures */

struct Thread;

/* What a greenlet is beyond its object. */
typedef struct State {
    stack_slice slice;
    tstate_slice tstate;
    struct Thread *thread;          /* counted; NULL until the greenlet begins */
    struct Greenlet *parent;        /* owned; NULL for a main greenlet */
    PyObject *run;                  /* owned; NULL if there is none (any more) */
    struct Greenlet *next;          /* if it is to die: the next in its thread's list, or last_doomed */
} State;

/* The layout is that of `PyGreenlet` in greenlet.h: extensions built against greenlet subclass it. */
typedef struct Greenlet {
    PyObject_HEAD
    PyObject *weakreflist;
    PyObject *dict;
    State *state;
} Greenlet;

/* A thread that has used greenlets. The thread state's dict owns it; so does each greenlet that began in it. */
typedef struct Thread {
    PyThreadState *fast;            /* tstate while shortcuts may be taken, else NULL */
    PyThreadState *tstate;          /* NULL when the thread has ended */
    uint64_t id;                    /* of tstate: another may get its address, but not its number */
    Greenlet *current;              /* owned: nothing on a greenlet's own stack may own it */
    Greenlet *main;                 /* owned */
    /* The switch under way. */
    Greenlet *target;               /* owned */
    PyObject *payload;              /* owned: the value; NULL with an exception set */
    bool refused;                   /* there was no memory to leave the stack */
    /* If the target starts: its arguments as the caller's array, or else as args and kwargs. */
    bool in_array;
    PyObject *const *array;
    Py_ssize_t nargs;
    PyObject *args;                 /* owned; NULL to raise the exception that is set instead of calling run */
    PyObject *kwargs;               /* owned, may be NULL */
    PyObject *stale;                /* owned: the run that another took the place of; to be released there */

    PyObject *tracer;               /* owned, may be NULL */
    /* Owned lists of greenlets that are to die when the thread next asks for greenlets: */
    Greenlet *doomed;               /* they lost their last reference in another thread */
    Greenlet *unreachable;          /* they did in the collector, or it found them in cycles */
    Py_ssize_t count;
    struct Thread *next;            /* in the list of all */
} Thread;

static Greenlet last_doomed;        /* ends the lists of these */
static Thread nowhere;              /* for `here` when no thread is known */
static Thread *here = &nowhere;     /* the thread that used greenlets last; the GIL protects it */
static Thread *threads;             /* those that have not ended */
static Py_ssize_t main_greenlets;
static bool shortcuts = true;
static bool closing;                /* the interpreter runs its exit functions, or ends already */

static PyTypeObject *Base;          /* the type, */
static PyTypeObject *Public;        /* and the policy class derived from it */
static PyObject *GreenletExit, *GreenletError;
static PyObject *parent_keyword, *parent_run_keywords;
static PyObject *empty_tuple, *switch_event, *throw_event, *run_name, *vanished;
static PyObject *unstarted_word, *suspended_word, *current_word, *dead_word;

enum { SWITCH, THROW, START };
static PyObject *decisions[3];      /* the ints that tag decisions */

/* Functions of the policy class that builtins ask. A property has up to three. */
enum {
    P_INIT, P_SWITCH, P_SWITCH_POSITIONAL, P_THROW, P_END,
    P_GET_RUN, P_SET_RUN, P_DEL_RUN,
    P_GET_PARENT, P_SET_PARENT, P_DEL_PARENT,
    P_GET_CONTEXT, P_SET_CONTEXT, P_DEL_CONTEXT,
    POLICIES
};
static PyObject *policy[POLICIES];

static inline bool
is_unstarted(const State *state)
{
    return state->thread == NULL;
}

static inline bool
is_suspended(const State *state)
{
    return state->slice.start != NULL && state->thread->tstate != NULL;
}

static inline bool
is_current(const Greenlet *g)
{
    return g->state->thread != NULL && g->state->thread->current == g;
}

static inline bool
is_main(const Greenlet *g)
{
    return g->state->slice.stop == STACK_END;
}

static inline bool
is_greenlet(PyObject *object)
{
    return PyObject_TypeCheck(object, Base);
}

/* Drops a reference, which may run anything, but keeps the exception that is set. NULL is allowed. */
static void
release(PyObject *object)
{
    if (object != NULL && Py_REFCNT(object) == 1) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        Py_DECREF(object);
        PyErr_Restore(type, value, traceback);
    }
    else {
        Py_XDECREF(object);
    }
}

static void
thread_release(Thread *thread)
{
    if (--thread->count == 0) {
        PyMem_Free(thread);
    }
}

/* ----------------------------------------------------------------------------------------------- threads */

static inline bool
is_here(const Thread *thread, PyThreadState *ts)
{
    return thread->tstate == ts && thread->id == tstate_id(ts);
}

/* Whether the running thread is this one, and may take shortcuts. */
static inline bool
is_fast(const Thread *thread)
{
    PyThreadState *ts = tstate_get();
    return thread->fast == ts && thread->id == tstate_id(ts);
}

static const char guard_name[] = "switchlib.thread";

static void
set_fast(Thread *thread)
{
    bool fast = shortcuts && thread->tracer == NULL && thread->doomed == NULL && thread->unreachable == NULL;
    thread->fast = fast ? thread->tstate : NULL;
}

/* Whether the interpreter is too far gone to run a greenlet's last code. */
static bool
is_finalizing(void)
{
    return _Py_IsFinalizing();
}

/* Adds a greenlet to one of its thread's two lists, unless it is in one. */
static void
add_doomed(Greenlet **list, Greenlet *g)
{
    if (g->state->next == NULL) {
        g->state->next = *list == NULL ? &last_doomed : *list;
        *list = (Greenlet *)Py_NewRef(g);
        set_fast(g->state->thread);
    }
}

/* Takes the first greenlet off such a list; the caller owns it. */
static Greenlet *
take_doomed(Greenlet **list)
{
    Greenlet *g = *list;
    *list = g->state->next == &last_doomed ? NULL : g->state->next;
    g->state->next = NULL;
    set_fast(g->state->thread);
    return g;
}

static void kill(Thread *thread, Greenlet *self);

/* Kills those that are to die: to lose the last reference does it; cycles keep theirs. If the thread has ended they
 * are only released. */
static void
kill_doomed(Thread *thread)
{
    while (thread->doomed != NULL) {
        release((PyObject *)take_doomed(&thread->doomed));
    }
    while (thread->unreachable != NULL) {
        Greenlet *g = take_doomed(&thread->unreachable);
        if (is_suspended(g->state)) {
            kill(thread, g);
        }
        release((PyObject *)g);
    }
}

/* The thread has ended. Its suspended greenlets can never run again; each frees its stack when it goes. */
static void
thread_end(Thread *thread)
{
    if (here == thread) {
        here = &nowhere;
    }
    for (Thread **link = &threads; *link != NULL; link = &(*link)->next) {
        if (*link == thread) {
            *link = thread->next;
            break;
        }
    }
    thread->tstate = thread->fast = NULL;
    kill_doomed(thread);
    Py_CLEAR(thread->tracer);
    Py_CLEAR(thread->current);
    Py_CLEAR(thread->main);
    thread_release(thread);
}

/* Called when the thread state's dict goes: its thread ends, or the interpreter, or a forked child clears the
 * threads that it has not. */
static void
guard_destroy(PyObject *guard)
{
    Thread *thread = PyCapsule_GetPointer(guard, guard_name);
    if (thread->tstate == tstate_get() && !is_finalizing() && !tstate_collecting(thread->tstate)) {
        kill_doomed(thread);
    }
    if (thread->tstate != NULL) {
        thread_end(thread);
    }
    thread_release(thread);
}

/* Ends the threads that are gone and whose guard did not tell: destructors that run after the thread state's dict
 * has gone may ask for greenlets, and get a dict that nobody clears. */
static void
end_forgotten_threads(void)
{
    for (Thread *thread = threads; thread != NULL;) {
        PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
        while (ts != NULL && (ts != thread->tstate || tstate_id(ts) != thread->id)) {
            ts = PyThreadState_Next(ts);
        }
        if (ts != NULL) {
            thread = thread->next;
        }
        else {
            thread_end(thread);     /* which may run anything */
            thread = threads;
        }
    }
}

static Greenlet *greenlet_alloc(PyTypeObject *type);

static Thread *thread_find(bool create);

static Thread *
thread_create(PyThreadState *ts, PyObject *dict)
{
    end_forgotten_threads();
    Greenlet *main = greenlet_alloc(Public);
    if (thread_find(false) != NULL) {       /* the collector ran, and a finaliser that uses greenlets */
        Py_XDECREF(main);
        return thread_find(false);
    }
    Thread *thread = PyMem_Calloc(1, sizeof *thread);
    PyObject *guard = thread == NULL ? NULL : PyCapsule_New(thread, guard_name, NULL);
    if (main == NULL || guard == NULL || PyDict_SetItem(dict, guard, Py_None) < 0) {
        Py_XDECREF(guard);
        Py_XDECREF(main);
        PyMem_Free(thread);
        if (!PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        return NULL;
    }
    main->state->slice.stop = STACK_END;
    main->state->thread = thread;
    main_greenlets++;
    thread->tstate = ts;
    thread->id = tstate_id(ts);
    thread->current = (Greenlet *)Py_NewRef(main);
    thread->main = main;
    thread->count = 3;              /* the dict's guard, the list of all, and the main greenlet */
    thread->next = threads;
    threads = thread;
    set_fast(thread);
    PyCapsule_SetDestructor(guard, guard_destroy);
    Py_DECREF(guard);
    return thread;
}

/* The running thread, found by its thread state; `create` it if it is new. NULL with an exception set if it
 * could not be, and NULL without one if it is new and not to be created. */
static Thread *
thread_find(bool create)
{
    PyThreadState *ts = tstate_get();
    if (likely(is_here(here, ts))) {
        return here;
    }
    for (Thread *thread = threads; thread != NULL; thread = thread->next) {
        if (is_here(thread, ts)) {
            return here = thread;
        }
    }
    if (!create) {
        return NULL;
    }
    PyObject *dict = PyThreadState_GetDict();
    if (dict == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    Thread *thread = thread_create(ts, dict);
    return thread == NULL ? NULL : (here = thread);
}

/* As thread_find, but first kills what waits to be killed in this thread. */
static Thread *
thread_here(void)
{
    Thread *thread = thread_find(true);
    if (unlikely(thread != NULL && (thread->doomed != NULL || thread->unreachable != NULL)
                 && !tstate_collecting(thread->tstate))) {
        kill_doomed(thread);
    }
    return thread;
}

/* ------------------------------------------------------------------------------------------------ tracing */

/* Tells the thread's tracer. If that raises, it is removed and its exception replaces what was to arrive. */
static int
trace(Thread *thread, Greenlet *origin, Greenlet *target, bool thrown)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *tracer = Py_NewRef(thread->tracer), *result = NULL;
    PyObject *pair = PyTuple_Pack(2, origin, target);
    if (pair != NULL) {
        PyThreadState *ts = thread->tstate;
        PyObject *args[] = {thrown ? throw_event : switch_event, pair};
        tstate_mute(ts);
        result = PyObject_Vectorcall(tracer, args, 2, NULL);
        tstate_unmute(ts);
        Py_DECREF(pair);
    }
    Py_DECREF(tracer);
    if (result == NULL) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        PyErr_Fetch(&type, &value, &traceback);
        Py_CLEAR(thread->tracer);
        set_fast(thread);
        PyErr_Restore(type, value, traceback);
        return -1;
    }
    Py_DECREF(result);
    PyErr_Restore(type, value, traceback);
    return 0;
}

/* ----------------------------------------------------------------------------------------------- a switch
 *
 * thread->target and thread->payload are set; `swap(leave, arrive, thread)` does the rest and returns, on the
 * target's stack, what comes out of its switch. It is the last thing that a builtin does, so that no frame of
 * ours lies on the stack that is copied.
 */

static inline PyObject *
swap(swap_save_fn save, swap_restore_fn restore, Thread *thread)
{
    return switchlib_swap_stack(save, restore, thread);
}

static void *
refuse(Thread *thread)
{
    thread->refused = true;
    return NULL;
}

static void *
leave(void *sp, void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state, *to = thread->target->state;
    from->slice.start = sp;
    if (unlikely(stack_save(&from->slice, &to->slice) < 0)) {
        from->slice.start = NULL;
        return refuse(thread);
    }
    tstate_save(&from->tstate, thread->tstate);
    return to->slice.start;
}

static void *
leave_for_good(void *Py_UNUSED(sp), void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state, *to = thread->target->state;
    if (unlikely(stack_save(&from->slice, &to->slice) < 0)) {
        return refuse(thread);
    }
    tstate_end(&from->tstate, thread->tstate);
    return to->slice.start;
}

static inline void
begin_below(Thread *thread, void *sp)
{
    State *to = thread->target->state;
    stack_begin(&to->slice, sp, &thread->current->state->slice);
    to->thread = thread;
    thread->count++;
    tstate_begin(&to->tstate, thread->tstate);
}

static void *
leave_to_begin(void *sp, void *arg)
{
    Thread *thread = arg;
    State *from = thread->current->state;
    from->slice.start = sp;
    tstate_save(&from->tstate, thread->tstate);
    begin_below(thread, sp);
    return NULL;
}

static void *
leave_for_good_to_begin(void *sp, void *arg)
{
    Thread *thread = arg;
    tstate_end(&thread->current->state->tstate, thread->tstate);
    begin_below(thread, sp);
    return NULL;
}

static void *begin(Thread *thread);

/* We are still on the stack that was to be left. */
static __attribute__((noinline)) void *
refused(Thread *thread)
{
    thread->refused = false;
    PyObject *payload = thread->payload, *target = (PyObject *)thread->target;
    thread->payload = NULL;
    thread->target = NULL;
    Py_XDECREF(payload);
    Py_XDECREF(target);
    PyErr_NoMemory();
    return NULL;
}

/* The rest of an arrival where something may run: a tracer, or the end of the origin. */
static __attribute__((noinline)) void *
arrive_slowly(Thread *thread, Greenlet *origin, PyObject *payload)
{
    if (thread->tracer != NULL && trace(thread, origin, thread->current, payload == NULL) < 0) {
        Py_CLEAR(payload);
    }
    release((PyObject *)origin);
    return payload;
}

static void *
arrive(void *sp, void *arg)
{
    Thread *thread = arg;
    if (sp == NULL) {
        return thread->refused ? refused(thread) : begin(thread);
    }
    Greenlet *origin = thread->current, *target = thread->target;
    stack_restore(&target->state->slice, &origin->state->slice);
    tstate_restore(&target->state->tstate, thread->tstate);
    thread->current = target;
    thread->target = NULL;
    PyObject *payload = thread->payload;
    thread->payload = NULL;
    if (likely(thread->tracer == NULL && Py_REFCNT(origin) > 1)) {
        Py_DECREF(origin);
        return payload;
    }
    return arrive_slowly(thread, origin, payload);
}

/* A switch to the current greenlet. Takes the payload over. */
static PyObject *
arrive_here(Thread *thread, PyObject *payload)
{
    Greenlet *current = (Greenlet *)Py_NewRef(thread->current);
    return arrive_slowly(thread, current, payload);
}

/* -------------------------------------------------------------------------------- the life of a greenlet */

static _Noreturn void finish(Thread *thread, PyObject *result);

/* Whether an unstarted greenlet would run in this thread: so say its ancestors, up to the first that began. */
static bool
belongs_here(Thread *thread, const Greenlet *g)
{
    while (g != NULL && is_unstarted(g->state)) {
        g = g->state->parent;
    }
    return g != NULL && g->state->thread == thread;
}

/* The last steps before a new stack. Takes over target and run, whether it succeeds or not. */
static int
prepare_start(Thread *thread, Greenlet *target, PyObject *run)
{
    if (tstate_prepare(&target->state->tstate, thread->tstate, run) < 0) {
        Py_DECREF(run);
        Py_DECREF(target);
        return -1;
    }
    thread->stale = target->state->run;
    target->state->run = run;
    if (thread->stale == run) {
        thread->stale = NULL;
        Py_DECREF(run);             /* not the last reference */
    }
    thread->target = target;
    return 0;
}

/* The arguments, or an exception instead; and the origin, which may end here. */
static __attribute__((noinline)) PyObject *
begin_slowly(Thread *thread, Greenlet *origin)
{
    PyObject *args = thread->args, *kwargs = thread->kwargs, *stale = thread->stale;
    thread->args = thread->kwargs = thread->stale = NULL;
    release(stale);
    args = arrive_slowly(thread, origin, args);
    PyObject *result = NULL;
    if (args != NULL) {
        result = PyObject_Call(thread->current->state->run, args, kwargs);
    }
    release(args);
    release(kwargs);
    return result;
}

/* The first and last frame of a greenlet's stack. */
static void *
begin(Thread *thread)
{
    Greenlet *origin = thread->current;
    thread->current = thread->target;
    thread->target = NULL;
    PyObject *result;
    if (thread->in_array) {
        thread->in_array = false;
        Py_DECREF(origin);          /* not the last reference: start_fast looked */
        result = PyObject_Vectorcall(
            thread->current->state->run, thread->array, (size_t)thread->nargs, NULL);
    }
    else {
        result = begin_slowly(thread, origin);
    }
    finish(thread, result);
}

/* GreenletExit is a way to return: its instance is the result. */
static PyObject *
exit_value(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (!PyErr_GivenExceptionMatches(type, GreenletExit)) {     /* it could not be made */
        PyErr_Restore(type, value, traceback);
        return NULL;
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

static _Noreturn void end_slowly(Thread *thread, Greenlet *me, PyObject *result);

static _Noreturn void
finish(Thread *thread, PyObject *result)
{
    Greenlet *me = thread->current;
    PyObject *run = me->state->run;
    me->state->run = NULL;
    if (unlikely(result == NULL && PyErr_ExceptionMatches(GreenletExit))) {
        result = exit_value();
    }
    release(run);
    Greenlet *parent = me->state->parent;
    if (likely(thread->fast != NULL && parent != NULL && parent->state->thread == thread
               && parent->state->slice.start != NULL)) {
        Py_INCREF(parent);
        thread->target = parent;
        thread->payload = result;
        swap(leave_for_good, arrive, thread);
        result = NULL;              /* refused: MemoryError is set */
    }
    end_slowly(thread, me, result);
}

/* ------------------------------------------------------------------------- asking, and carrying out answers */

/* Takes the policy's own frames off the exception's traceback: users see theirs. */
static void
hide_policy_frames(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *ours = ((PyCodeObject *)PyFunction_GET_CODE(policy[P_SWITCH]))->co_filename;
    while (traceback != NULL) {
        PyCodeObject *code = PyFrame_GetCode(((PyTracebackObject *)traceback)->tb_frame);
        bool hidden = code->co_filename == ours;
        Py_DECREF(code);
        if (!hidden) {
            break;
        }
        PyObject *next = Py_XNewRef((PyObject *)((PyTracebackObject *)traceback)->tb_next);
        Py_DECREF(traceback);
        traceback = next;
    }
    if (value != NULL && PyExceptionInstance_Check(value)) {
        PyException_SetTraceback(value, traceback == NULL ? Py_None : traceback);
    }
    PyErr_Restore(type, value, traceback);
}

/* Calls a policy function with no tracing. `args` is an array as PyObject_Vectorcall takes it. */
static PyObject *
ask(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    if (unlikely(policy[which] == NULL)) {
        PyErr_SetString(PyExc_AttributeError, "can't delete attribute");
        return NULL;
    }
    PyThreadState *ts = thread->tstate;
    tstate_mute(ts);
    PyObject *answer = PyObject_Vectorcall(policy[which], args, (size_t)nargs, kwnames);
    tstate_unmute(ts);
    if (unlikely(answer == NULL)) {
        hide_policy_frames();
    }
    return answer;
}

/* Raises an instance as it is, with the traceback it bears. Takes it over. */
static void
raise_instance(PyObject *exception)
{
    PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception, PyException_GetTraceback(exception));
}

/* The exception that is set, as an instance that bears its traceback; clears it. */
static PyObject *
take_instance(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(value, traceback);
    }
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
}

/* The outcome of a decision that no longer holds: ask again. Only its address counts. */
static PyObject again;

/* Makes ready to start `target` with args and kwargs, or, if args is NULL, with the exception that is set. Looking
 * `run` up may run anything, so the target is checked after it. `outcome` as for settle. */
static swap_save_fn
settle_start(Thread *thread, Greenlet *target, PyObject *args, PyObject *kwargs, bool dying, PyObject **outcome)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *run = PyObject_GetAttr((PyObject *)target, run_name);
    *outcome = NULL;
    if (run != NULL && (!is_unstarted(target->state) || !belongs_here(thread, target))) {
        Py_DECREF(run);
        *outcome = &again;
    }
    else if (run != NULL && prepare_start(thread, (Greenlet *)Py_NewRef(target), run) == 0) {
        PyErr_Restore(type, value, traceback);
        thread->args = Py_XNewRef(args);
        thread->kwargs = Py_XNewRef(kwargs);
        return dying ? leave_for_good_to_begin : leave_to_begin;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return NULL;
}

/* Checks a decision, which it takes over. If it holds, the thread is ready for `swap` with the function returned,
 * and nothing may run before that. Else returns NULL and the outcome: what comes out of the switch (NULL with an
 * exception set), or &again. If the current greenlet is `dying` it cannot be the target. */
static swap_save_fn
settle(Thread *thread, PyObject *decision, bool dying, PyObject **outcome)
{
    *outcome = NULL;
    Py_ssize_t size = PyTuple_CheckExact(decision) ? PyTuple_GET_SIZE(decision) : 0;
    if (size < 3 || !is_greenlet(PyTuple_GET_ITEM(decision, 1))) {
        PyErr_Format(PyExc_SystemError, "the policy decided on %R", decision);
        Py_DECREF(decision);
        return NULL;
    }
    PyObject *kind = PyTuple_GET_ITEM(decision, 0);
    Greenlet *target = (Greenlet *)Py_NewRef(PyTuple_GET_ITEM(decision, 1));
    PyObject *payload = Py_NewRef(PyTuple_GET_ITEM(decision, 2));
    PyObject *kwargs = size > 3 ? Py_NewRef(PyTuple_GET_ITEM(decision, 3)) : NULL;
    Py_DECREF(decision);            /* runs nothing, for we hold what it held */

    swap_save_fn save = NULL;
    if (is_unstarted(target->state) && kind == decisions[START]) {
        save = settle_start(thread, target, payload, kwargs, dying, outcome);
    }
    else if (is_unstarted(target->state) && kind == decisions[THROW]) {
        raise_instance(Py_NewRef(payload));
        save = settle_start(thread, target, NULL, NULL, dying, outcome);
    }
    else if (kind == decisions[START] || is_unstarted(target->state) || target->state->thread != thread
             || (target->state->slice.start == NULL && (dying || target != thread->current))) {
        *outcome = &again;
    }
    else {
        if (kind == decisions[THROW]) {
            raise_instance(payload);
            payload = NULL;
        }
        if (target == thread->current) {
            *outcome = arrive_here(thread, payload);
            Py_DECREF(target);
        }
        else {
            thread->target = target;
            thread->payload = payload;
            save = dying ? leave_for_good : leave;
        }
        return save;
    }
    release((PyObject *)target);    /* if it is to begin the thread holds these too, and nothing runs */
    release(payload);
    release(kwargs);
    return save;
}

/* Asks until a decision holds. Returns what leaves for its target, or NULL and the outcome. */
static swap_save_fn
ask_and_settle(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
               PyObject **outcome)
{
    swap_save_fn save;
    do {
        PyObject *decision = ask(thread, which, args, nargs, kwnames);
        if (decision == NULL) {
            *outcome = NULL;
            return NULL;
        }
        save = settle(thread, decision, false, outcome);
    } while (save == NULL && *outcome == &again);
    return save;
}

/* Without the policy, for want of memory or of an interpreter to run it in: the nearest ancestor that lives. */
static _Noreturn void
end_without_policy(Thread *thread, Greenlet *me)
{
    for (Greenlet *parent = me->state->parent; parent != NULL; parent = parent->state->parent) {
        if (parent->state->thread == thread && parent->state->slice.start != NULL) {
            thread->target = (Greenlet *)Py_NewRef(parent);
            thread->payload = NULL;
            swap(leave_for_good, arrive, thread);
        }
    }
    PyErr_WriteUnraisable((PyObject *)me);
    Py_FatalError("switchlib: ran out of parent greenlets while propagating an exception");
}

/* Makes `cause` the context of the exception that is set, if it has none. */
static void
set_context_of_exception(PyObject *cause)
{
    PyObject *exception = take_instance(), *context = PyException_GetContext(exception);
    if (cause != NULL && context == NULL && exception != cause) {
        PyException_SetContext(exception, Py_NewRef(cause));
    }
    Py_XDECREF(context);
    raise_instance(exception);
}

/* How often policy may be interrupted at one end before it is done without. */
#define MOST_INTERRUPTS 100

/* Ends `me` as the policy decides. The result is NULL if an exception is set. What goes wrong on the way (the heir
 * has no run, or belongs to another thread; an interrupt; no memory) becomes the outcome. `failures` counts the
 * heirs that could not take it, from the parent up; if the parent changes on the way it is asked first. */
static _Noreturn void
end_slowly(Thread *thread, Greenlet *me, PyObject *result)
{
    long failures = 0;
    const Greenlet *parent = me->state->parent;     /* to compare only */
    for (int interrupts = 0; interrupts < MOST_INTERRUPTS;) {
        if (result == NULL && PyErr_ExceptionMatches(GreenletExit)) {
            result = exit_value();
        }
        if (parent != me->state->parent) {
            parent = me->state->parent;
            failures = 0;
        }
        PyObject *exception = result == NULL ? take_instance() : NULL;
        PyObject *outcome = exception == NULL ? result : exception, *count = PyLong_FromLong(failures);
        PyObject *args[] = {
            (PyObject *)me, result == NULL ? Py_None : result, exception == NULL ? Py_None : exception, count};
        PyObject *decision = count == NULL ? NULL : ask(thread, P_END, args, 4, NULL);
        Py_XDECREF(count);
        if (decision == Py_None) {
            if (exception != NULL) {
                raise_instance(exception);
            }
            break;
        }
        if (decision == NULL) {
            if (PyErr_ExceptionMatches(GreenletError)) {
                failures++;
            }
            else {
                interrupts++;
                set_context_of_exception(exception);
            }
        }
        else {
            PyObject *settled;
            swap_save_fn save = settle(thread, decision, true, &settled);
            if (save != NULL) {
                Py_DECREF(outcome); /* the thread holds it too */
                swap(save, arrive, thread);
                outcome = NULL;     /* refused: there was no memory to leave */
                interrupts++;
            }
            else if (settled == &again) {
                if (exception != NULL) {
                    raise_instance(exception);
                }
                continue;
            }
            else {
                failures++;
            }
        }
        result = NULL;
        release(outcome);
    }
    end_without_policy(thread, me);
}

/* ------------------------------------------------------------------------------------------ the builtins */

/* Calls of up to this many arguments are passed on to policy without an allocation. */
#define SMALL_CALL 6

/* Asks policy's switch with self before the arguments. In a function of its own: its frame is gone when the stack
 * is left. */
static __attribute__((noinline)) swap_save_fn
ask_switch(Thread *thread, PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
           PyObject **outcome)
{
    Py_ssize_t total = nargs + (kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames));
    PyObject *small[SMALL_CALL + 1], **array = small;
    if (total > SMALL_CALL) {
        array = PyMem_Malloc((size_t)(total + 1) * sizeof *array);
        if (array == NULL) {
            *outcome = PyErr_NoMemory();
            return NULL;
        }
    }
    array[0] = self;
    for (Py_ssize_t i = 0; i < total; i++) {
        array[i + 1] = args[i];
    }
    swap_save_fn save = ask_and_settle(
        thread, kwnames == NULL ? P_SWITCH_POSITIONAL : P_SWITCH, array, nargs + 1, kwnames, outcome);
    if (array != small) {
        PyMem_Free(array);
    }
    return save;
}

/* Whether a call of `run` copies its arguments before anything can be allocated: allocating may collect, and a
 * finaliser may go back to the caller, whose array is then no more. (initialize_locals in Python/ceval.c) */
static bool
copies_at_once(PyObject *run, PyObject *kwnames)
{
    return kwnames == NULL && PyFunction_Check(run)
        && (((PyCodeObject *)PyFunction_GET_CODE(run))->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) == 0;
}

/* Packs an array of arguments into a tuple and a dict (NULL without keywords). This may run anything. */
static int
pack_call(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **tuple, PyObject **dict)
{
    *tuple = PyTuple_New(nargs);
    *dict = kwnames == NULL ? NULL : PyDict_New();
    bool failed = *tuple == NULL || (kwnames != NULL && *dict == NULL);
    for (Py_ssize_t i = 0; !failed && i < nargs; i++) {
        PyTuple_SET_ITEM(*tuple, i, Py_NewRef(args[i]));
    }
    for (Py_ssize_t i = 0; !failed && kwnames != NULL && i < PyTuple_GET_SIZE(kwnames); i++) {
        failed = PyDict_SetItem(*dict, PyTuple_GET_ITEM(kwnames, i), args[nargs + i]) < 0;
    }
    if (failed) {
        release(*tuple);
        release(*dict);
        return -1;
    }
    return 0;
}

/* The shortcut for a start. Returns &again if it does not apply: a subclass may look `run` up in any way. */
static PyObject *
start_fast(Thread *thread, Greenlet *target, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *run = target->state->run, *tuple = NULL, *dict = NULL;
    if (Py_TYPE(target) != Public || run == NULL || !belongs_here(thread, target)) {
        return &again;
    }
    bool in_array = Py_REFCNT(thread->current) > 1 && copies_at_once(run, kwnames);
    if (!in_array) {
        if (pack_call(args, nargs, kwnames, &tuple, &dict) < 0) {
            return NULL;
        }
        if (thread->fast == NULL || !is_unstarted(target->state) || target->state->run != run
            || !belongs_here(thread, target)) {
            release(tuple);
            release(dict);
            return &again;
        }
    }
    Py_INCREF(run);
    Py_INCREF(target);
    if (prepare_start(thread, target, run) < 0) {
        release(tuple);
        release(dict);
        return NULL;
    }
    thread->in_array = in_array;
    thread->array = args;
    thread->nargs = nargs;
    thread->args = tuple;
    thread->kwargs = dict;
    return swap(leave_to_begin, arrive, thread);
}

/* What comes out of a switch with these arguments and no keywords. */
static inline PyObject *
pack(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs == 1) {
        return Py_NewRef(args[0]);
    }
    if (nargs == 0) {
        return Py_NewRef(empty_tuple);
    }
    PyObject *tuple = PyTuple_New(nargs);
    for (Py_ssize_t i = 0; tuple != NULL && i < nargs; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    }
    return tuple;
}

static __attribute__((noinline)) PyObject *
switch_slowly(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Thread *thread = thread_find(false);
    if (thread != NULL && thread->fast != NULL && is_unstarted(((Greenlet *)self)->state)) {
        PyObject *result = start_fast(thread, (Greenlet *)self, args, nargs, kwnames);
        if (result != &again) {
            return result;
        }
    }
    thread = thread_here();
    if (thread == NULL) {
        return NULL;
    }
    PyObject *outcome;
    swap_save_fn save = ask_switch(thread, self, args, nargs, kwnames, &outcome);
    return save == NULL ? outcome : swap(save, arrive, thread);
}

static PyObject *
greenlet_switch(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Thread *thread = here;
    State *to = ((Greenlet *)self)->state;
    if (unlikely(!is_fast(thread) || to->thread != thread || to->slice.start == NULL || kwnames != NULL)) {
        return switch_slowly(self, args, nargs, kwnames);
    }
    PyObject *payload = pack(args, nargs);
    /* Making a tuple may have run the collector, and that anything. */
    if (unlikely(nargs > 1 && (payload == NULL || to->slice.start == NULL || here != thread))) {
        Py_XDECREF(payload);
        return payload == NULL ? NULL : switch_slowly(self, args, nargs, kwnames);
    }
    Py_INCREF(self);
    thread->target = (Greenlet *)self;
    thread->payload = payload;
    return swap(leave, arrive, thread);
}

/* The exception that throw(typ, val) raises, as an instance. It runs user code (the class is called), which no
 * policy frame must stand under. */
static PyObject *
make_exception(PyObject *type, PyObject *value)
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
    PyObject *traceback = NULL;
    Py_INCREF(type);
    Py_XINCREF(value);
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

/* Asks policy where to raise the exception, which is taken over, with this traceback. */
static __attribute__((noinline)) PyObject *
throw_slowly(PyObject *self, PyObject *exception, PyObject *traceback)
{
    Thread *thread = thread_here();
    PyObject *asked[] = {self, exception}, *outcome = NULL;
    swap_save_fn save = thread == NULL ? NULL : ask_and_settle(thread, P_THROW, asked, 2, NULL, &outcome);
    PyObject *type, *value, *old;
    PyErr_Fetch(&type, &value, &old);
    if (value == exception) {
        Py_XDECREF(old);            /* the exception's own, so this runs nothing */
        old = Py_XNewRef(traceback);
    }
    if (save != NULL) {
        PyErr_Restore(type, value, old);
        Py_DECREF(exception);       /* nor this: it is set, or it is an argument */
        return swap(save, arrive, thread);
    }
    Py_DECREF(exception);
    PyErr_Restore(type, value, old);
    return outcome;
}

static PyObject *
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
    PyObject *exception = make_exception(nargs > 0 ? args[0] : GreenletExit, nargs > 1 ? args[1] : NULL);
    if (exception == NULL) {
        return NULL;
    }
    Thread *thread = here;
    State *to = ((Greenlet *)self)->state;
    if (likely(is_fast(thread) && to->thread == thread && to->slice.start != NULL)) {
        PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception, Py_XNewRef(traceback));
        Py_INCREF(self);
        thread->target = (Greenlet *)self;
        thread->payload = NULL;
        return swap(leave, arrive, thread);
    }
    return throw_slowly(self, exception, traceback);
}

/* Stores a parent, owned from now on, unless a cycle would come of it: then returns false. */
static bool
store_parent(Greenlet *self, Greenlet *parent)
{
    for (Greenlet *g = parent; g != NULL; g = g->state->parent) {
        if (g == self) {
            return false;
        }
    }
    Greenlet *old = self->state->parent;
    self->state->parent = (Greenlet *)Py_NewRef(parent);
    Py_XDECREF(old);
    return true;
}

static Greenlet *
greenlet_alloc(PyTypeObject *type)
{
    /* The state first: no object may be seen without one, not even by a subclass's __del__. */
    State *state = PyObject_Calloc(1, sizeof(State));
    if (state == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    Greenlet *self = (Greenlet *)type->tp_alloc(type, 0);
    if (self == NULL) {
        PyObject_Free(state);
        return NULL;
    }
    self->state = state;
    return self;
}

static PyObject *
greenlet_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    if (unlikely(type == Base)) {
        PyErr_SetString(PyExc_TypeError, "cannot create 'switchlib._mechanism.Base' instances");
        return NULL;
    }
    if (unlikely(type->tp_flags & Py_TPFLAGS_IS_ABSTRACT)) {
        return PyBaseObject_Type.tp_new(type, empty_tuple, NULL);       /* which says what is abstract */
    }
    Thread *thread = thread_here();
    Greenlet *self = thread == NULL ? NULL : greenlet_alloc(type);
    if (self != NULL) {
        self->state->parent = (Greenlet *)Py_NewRef(thread->current);
    }
    return (PyObject *)self;
}

/* The shortcut for initialising with one or two positional arguments. Returns false if it does not apply. */
static bool
init_fast(Thread *thread, Greenlet *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *parent = nargs > 1 ? args[1] : Py_None, *old = NULL;
    if (thread == NULL || thread->fast == NULL || nargs > 2 || !is_unstarted(self->state)
        || (parent != Py_None && (!is_greenlet(parent) || ((Greenlet *)parent)->state->thread != thread))) {
        return false;
    }
    if (nargs > 0) {
        old = self->state->run;
        self->state->run = Py_NewRef(args[0]);
    }
    bool stored = parent == Py_None || store_parent(self, (Greenlet *)parent);
    Py_XDECREF(old);                /* last: it may run anything, even start self */
    return stored;
}

static int
greenlet_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    Thread *thread = thread_here();
    if (thread == NULL) {
        return -1;
    }
    Py_ssize_t nargs = PyTuple_GET_SIZE(args);
    if ((kwargs == NULL || PyDict_GET_SIZE(kwargs) == 0)
        && init_fast(thread, (Greenlet *)self, &PyTuple_GET_ITEM(args, 0), nargs)) {
        return 0;
    }
    static const char *const names[] = {"run", "parent", NULL};
    PyObject *run = NULL, *parent = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:greenlet", (char **)names, &run, &parent)) {
        return -1;
    }
    /* A run that is missing is not a run that is None. */
    PyObject *asked[] = {self, parent == NULL ? Py_None : parent, run};
    PyObject *none = ask(thread, P_INIT, asked, 1, run == NULL ? parent_keyword : parent_run_keywords);
    Py_XDECREF(none);
    return none == NULL ? -1 : 0;
}

/* greenlet(run, parent) without the detour through tp_new, tp_init, a tuple and a dict. */
static PyObject *
greenlet_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    PyObject *self = greenlet_new((PyTypeObject *)type, NULL, NULL);
    if (self == NULL || (kwnames == NULL && init_fast(thread_find(true), (Greenlet *)self, args, nargs))) {
        return self;
    }
    PyObject *tuple, *dict;
    if (pack_call(args, nargs, kwnames, &tuple, &dict) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (greenlet_init(self, tuple, dict) < 0) {
        release(self);
        self = NULL;
    }
    release(tuple);
    release(dict);
    return self;
}

static int
greenlet_bool(PyObject *self)
{
    return is_suspended(((Greenlet *)self)->state) || is_current((Greenlet *)self);
}

static bool
is_dead(Greenlet *g)
{
    return !is_unstarted(g->state) && !is_suspended(g->state) && !is_current(g);
}

static PyObject *
get_dead(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(is_dead((Greenlet *)self));
}

static PyObject *
get_stack_saved(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(((Greenlet *)self)->state->slice.saved);
}

static PyObject *
get_frame(PyObject *self, void *Py_UNUSED(closure))
{
    State *state = ((Greenlet *)self)->state;
    if (state->slice.start == NULL) {
        Py_RETURN_NONE;
    }
    return tstate_frame(&state->tstate, tstate_get());
}

static PyObject *
get_dict(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject **dict = &((Greenlet *)self)->dict;
    if (*dict == NULL) {
        *dict = PyDict_New();
    }
    return Py_XNewRef(*dict);
}

static int
set_dict(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL || !PyDict_Check(value)) {
        PyErr_SetString(PyExc_TypeError, value == NULL ? "__dict__ may not be deleted"
                                                       : "__dict__ must be a dictionary");
        return -1;
    }
    PyObject *old = ((Greenlet *)self)->dict;
    ((Greenlet *)self)->dict = Py_NewRef(value);
    Py_XDECREF(old);
    return 0;
}

/* The three properties that policy guards. `closure` tells which policy function comes first of its three. */

static PyObject *
ask_getter(PyObject *self, int which)
{
    Thread *thread = thread_here();
    return thread == NULL ? NULL : ask(thread, which, &self, 1, NULL);
}

static int
ask_setter(PyObject *self, PyObject *value, void *closure)
{
    int which = (int)(intptr_t)closure + (value == NULL ? 2 : 1);
    Thread *thread = thread_here();
    PyObject *asked[] = {self, value};
    PyObject *none = thread == NULL ? NULL : ask(thread, which, asked, value == NULL ? 1 : 2, NULL);
    Py_XDECREF(none);
    return none == NULL ? -1 : 0;
}

static PyObject *
get_run(PyObject *self, void *Py_UNUSED(closure))
{
    State *state = ((Greenlet *)self)->state;
    if (likely(here->fast != NULL && is_unstarted(state) && state->run != NULL)) {
        return Py_NewRef(state->run);
    }
    return ask_getter(self, P_GET_RUN);
}

static PyObject *
get_parent(PyObject *self, void *Py_UNUSED(closure))
{
    if (likely(here->fast != NULL)) {
        Greenlet *parent = ((Greenlet *)self)->state->parent;
        return Py_NewRef(parent == NULL ? Py_None : (PyObject *)parent);
    }
    return ask_getter(self, P_GET_PARENT);
}

/* Where the greenlet's context lies, if this thread may touch it; NULL if it runs in another. */
static PyObject **
context_of(Greenlet *self, bool *running)
{
    *running = is_current(self);
    if (*running && self->state->thread->tstate != tstate_get()) {
        return NULL;
    }
    return tstate_context(&self->state->tstate, *running ? tstate_get() : NULL);
}

static PyObject *
get_context(PyObject *self, void *Py_UNUSED(closure))
{
    bool running;
    PyObject **context = context_of((Greenlet *)self, &running);
    if (likely(here->fast != NULL && context != NULL)) {
        return Py_NewRef(*context == NULL ? Py_None : *context);
    }
    return ask_getter(self, P_GET_CONTEXT);
}

static void
store_context(PyObject **context, PyObject *value, bool running)
{
    PyObject *old = *context;
    *context = value == Py_None ? NULL : Py_NewRef(value);
    if (running) {
        tstate_context_changed(tstate_get());
    }
    Py_XDECREF(old);
}

static int
set_context(PyObject *self, PyObject *value, void *closure)
{
    bool running;
    PyObject **context = context_of((Greenlet *)self, &running);
    if (likely(here->fast != NULL && context != NULL && value != NULL
               && (value == Py_None || PyContext_CheckExact(value)))) {
        store_context(context, value, running);
        return 0;
    }
    return ask_setter(self, value, closure);
}

/* ------------------------------------------------------------------------------- the end of a greenlet */

/* Throws GreenletExit into a suspended greenlet that lost its last reference; the caller holds one for the
 * time. Its parent is the current greenlet while it dies. */
static void
kill(Thread *thread, Greenlet *self)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    Greenlet *parent = self->state->parent;
    self->state->parent = (Greenlet *)Py_NewRef(thread->current);

    PyErr_SetObject(GreenletExit, vanished);
    Py_INCREF(self);
    thread->target = self;
    thread->payload = NULL;
    PyObject *result = swap(leave, arrive, thread);
    if (result == NULL) {
        PyErr_WriteUnraisable((PyObject *)self);
    }
    Py_XDECREF(result);

    if (parent != NULL) {
        store_parent(self, parent); /* unless it has become a child of self: then the killer stays the parent */
        Py_DECREF(parent);
    }
    if (is_suspended(self->state) && Py_REFCNT(self) == 1) {
        PyObject *file = Py_XNewRef(PySys_GetObject("stderr"));
        Py_INCREF(self);            /* for ever: nobody can run it, and it cannot be freed */
        if (file != NULL && file != Py_None
            && (PyFile_WriteString("GreenletExit did not kill ", file) < 0
                || PyFile_WriteObject((PyObject *)self, file, 0) < 0
                || PyFile_WriteString("\n", file) < 0)) {
            PyErr_WriteUnraisable((PyObject *)self);
        }
        Py_XDECREF(file);
    }
    PyErr_Restore(type, value, traceback);
}

/* Frees the stack of a greenlet that can never run again. */
static void
abandon(Greenlet *self)
{
    State *state = self->state;
    if (state->slice.start != NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        stack_forget(&state->slice);
        tstate_abandon(&state->tstate);
        PyErr_Restore(type, value, traceback);
    }
}

static void
greenlet_finalize(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    if (self->state == NULL || self->state->slice.start == NULL) {
        return;
    }
    Thread *thread = self->state->thread;
    if (is_main(self)) {
        return;                     /* somebody calls __del__ */
    }
    if (thread->tstate == NULL) {
        abandon(self);
    }
    else if (is_finalizing()) {
        Py_INCREF(self);            /* for ever: it can neither run nor, in the midst of the stacks, be freed */
    }
    else if (thread == thread_find(false) && !tstate_collecting(thread->tstate)) {
        kill(thread, self);
    }
    else {                          /* it dies when its own thread next asks for greenlets, outside the collector */
        add_doomed(tstate_collecting(tstate_get()) ? &thread->unreachable : &thread->doomed, self);
    }
}

static int
greenlet_traverse(PyObject *object, visitproc visit, void *arg)
{
    Greenlet *self = (Greenlet *)object;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->dict);
    if (self->state != NULL) {
        Py_VISIT(self->state->parent);
        Py_VISIT(self->state->run);
        return tstate_traverse(&self->state->tstate, visit, arg);
    }
    return 0;
}

static int
greenlet_clear(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    if (self->state != NULL && !is_unstarted(self->state) && is_suspended(self->state) && !is_finalizing()) {
        /* It was finalised before and lived on. It dies once more, with all that it has. */
        add_doomed(&self->state->thread->unreachable, self);
        return 0;
    }
    Py_CLEAR(self->dict);
    if (self->state != NULL && self->state->slice.start == NULL) {
        Py_CLEAR(self->state->parent);
        Py_CLEAR(self->state->run);
        tstate_clear(&self->state->tstate);
    }
    return 0;
}

static void
free_state(Greenlet *self)
{
    State *state = self->state;
    if (state == NULL) {
        return;
    }
    self->state = NULL;
    stack_forget(&state->slice);
    tstate_clear(&state->tstate);
    Py_XDECREF(state->parent);
    Py_XDECREF(state->run);
    if (state->thread != NULL) {
        main_greenlets -= state->slice.stop == STACK_END;
        thread_release(state->thread);
    }
    PyObject_Free(state);
}

static void
greenlet_dealloc(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    PyTypeObject *type = Py_TYPE(self);
    if (self->state != NULL && self->state->slice.start != NULL) {
        if (PyObject_CallFinalizerFromDealloc(object) < 0) {
            return;
        }
        if (self->state->slice.start != NULL) {
            /* A subclass's __del__ stands before ours, or it was finalised before and lived on. */
            Py_SET_REFCNT(object, 1);
            greenlet_finalize(object);
            Py_SET_REFCNT(object, Py_REFCNT(object) - 1);
            if (Py_REFCNT(object) > 0) {
                Py_ssize_t count = Py_REFCNT(object);
                _Py_NewReference(object);
                Py_SET_REFCNT(object, count);
                if (!PyObject_GC_IsTracked(object)) {
                    PyObject_GC_Track(object);
                }
                return;
            }
        }
    }
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, greenlet_dealloc)
    if (self->weakreflist != NULL) {
        PyObject_ClearWeakRefs(object);
    }
    Py_CLEAR(self->dict);
    free_state(self);
    type->tp_free(self);
    if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        Py_DECREF(type);
    }
    Py_TRASHCAN_END
}

/* ------------------------------------------------------------------------------------- what Python sees */

static PyGetSetDef base_getset[] = {
    {"dead", get_dead, NULL, "True if the greenlet has ended; it can never run again.", NULL},
    {"gr_frame", get_frame, NULL, "The frame in which a suspended greenlet stands, else None.", NULL},
    {"_stack_saved", get_stack_saved, NULL, "Bytes of its stack that lie in the heap.", NULL},
    {"__dict__", get_dict, set_dict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef base_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Greenlet, weakreflist), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(Greenlet, dict), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot base_slots[] = {
    {Py_tp_new, greenlet_new},
    {Py_tp_init, greenlet_init},
    {Py_tp_dealloc, greenlet_dealloc},
    {Py_tp_finalize, greenlet_finalize},
    {Py_tp_traverse, greenlet_traverse},
    {Py_tp_clear, greenlet_clear},
    {Py_nb_bool, greenlet_bool},
    {Py_tp_getset, base_getset},
    {Py_tp_members, base_members},
    {0, NULL},
};

static PyType_Spec base_spec = {
    .name = "switchlib._mechanism.Base",
    .basicsize = sizeof(Greenlet),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = base_slots,
};

/* The builtins that stand in the public class where the policy functions stood. */
static PyMethodDef class_methods[] = {
    {"switch", (PyCFunction)(void (*)(void))greenlet_switch, METH_FASTCALL | METH_KEYWORDS,
     "switch($self, /, *args, **kwargs)\n--\n\n"},
    {"throw", (PyCFunction)(void (*)(void))greenlet_throw, METH_FASTCALL,
     "throw($self, typ=..., val=None, tb=None, /)\n--\n\n"},
};
static const int class_method_policies[] = {P_SWITCH, P_THROW};

static PyGetSetDef class_getset[] = {
    {"run", get_run, ask_setter, NULL, (void *)P_GET_RUN},
    {"parent", get_parent, ask_setter, NULL, (void *)P_GET_PARENT},
    {"gr_context", get_context, set_context, NULL, (void *)P_GET_CONTEXT},
};

/* Takes attribute `name` out of the policy class and returns it. */
static PyObject *
take_attribute(PyObject *class, const char *name)
{
    PyObject *value = PyDict_GetItemString(((PyTypeObject *)class)->tp_dict, name);
    if (value == NULL) {
        PyErr_Format(PyExc_TypeError, "the policy class has no %s", name);
        return NULL;
    }
    Py_INCREF(value);
    if (PyObject_SetAttrString(class, name, NULL) < 0) {
        Py_CLEAR(value);
    }
    return value;
}

/* A C string that lives as long as the process: `prefix` and the object's docstring. */
static const char *
permanent_doc(const char *prefix, PyObject *object)
{
    PyObject *doc = PyObject_GetAttrString(object, "__doc__");
    PyObject *text = doc == NULL ? NULL : PyUnicode_FromFormat("%s%S", prefix, doc);
    const char *utf8 = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    Py_XDECREF(doc);
    return utf8;                    /* `text` stays: it owns the characters */
}

static int
adopt_method(PyObject *class, PyMethodDef *method, int which)
{
    PyObject *function = take_attribute(class, method->ml_name);
    if (function == NULL || (method->ml_doc = permanent_doc(method->ml_doc, function)) == NULL) {
        Py_XDECREF(function);
        return -1;
    }
    policy[which] = function;
    PyObject *descriptor = PyDescr_NewMethod((PyTypeObject *)class, method);
    int status = descriptor == NULL ? -1 : PyObject_SetAttrString(class, method->ml_name, descriptor);
    Py_XDECREF(descriptor);
    return status;
}

static int
adopt_property(PyObject *class, PyGetSetDef *getset)
{
    PyObject *property = take_attribute(class, getset->name);
    if (property == NULL || (getset->doc = permanent_doc("", property)) == NULL) {
        Py_XDECREF(property);
        return -1;
    }
    static const char *const parts[] = {"fget", "fset", "fdel"};
    for (int i = 0; i < 3; i++) {
        PyObject *function = PyObject_GetAttrString(property, parts[i]);
        if (function == NULL) {
            Py_DECREF(property);
            return -1;
        }
        policy[(intptr_t)getset->closure + i] = function == Py_None ? NULL : function;
    }
    Py_DECREF(property);
    PyObject *descriptor = PyDescr_NewGetSet((PyTypeObject *)class, getset);
    int status = descriptor == NULL ? -1 : PyObject_SetAttrString(class, getset->name, descriptor);
    Py_XDECREF(descriptor);
    return status;
}

static PyObject *
adopt(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *class, *error, *exit;
    if (!PyArg_ParseTuple(args, "O!OO:adopt", &PyType_Type, &class, &error, &exit)) {
        return NULL;
    }
    if (Public != NULL || !PyType_IsSubtype((PyTypeObject *)class, Base)) {
        PyErr_SetString(PyExc_TypeError, "adopt() takes one class, derived from Base, once");
        return NULL;
    }
    if ((policy[P_INIT] = take_attribute(class, "__init__")) == NULL
        || (policy[P_SWITCH_POSITIONAL] = take_attribute(class, "_switch_positional")) == NULL
        || (policy[P_END] = take_attribute(class, "_end")) == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(class_methods); i++) {
        if (adopt_method(class, &class_methods[i], class_method_policies[i]) < 0) {
            return NULL;
        }
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(class_getset); i++) {
        if (adopt_property(class, &class_getset[i]) < 0) {
            return NULL;
        }
    }
    PyTypeObject *type = (PyTypeObject *)class;
    /* What type() installed would call back into subclasses made by Cython, and these into it, for ever. */
    type->tp_dealloc = greenlet_dealloc;
    type->tp_traverse = greenlet_traverse;
    type->tp_clear = greenlet_clear;
    type->tp_vectorcall = greenlet_vectorcall;
    type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    Base->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    Public = (PyTypeObject *)Py_NewRef(class);
    GreenletError = Py_NewRef(error);
    GreenletExit = Py_NewRef(exit);
    PyType_Modified(type);
    return Py_NewRef(class);
}

static PyObject *
getcurrent(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Thread *thread = here;
    if (unlikely(!is_fast(thread) || closing)) {
        if (is_finalizing()) {
            PyErr_SetString(PyExc_RuntimeError, "greenlet is being finalized");
            return NULL;
        }
        thread = thread_here();
        if (thread == NULL) {
            return NULL;
        }
    }
    return Py_NewRef((PyObject *)thread->current);
}

/* As getcurrent, but also while the interpreter ends. */
static PyObject *
running(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Thread *thread = thread_find(true);
    return thread == NULL ? NULL : Py_NewRef((PyObject *)thread->current);
}

static PyObject *
gettrace(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Thread *thread = thread_here();
    return thread == NULL ? NULL : Py_NewRef(thread->tracer == NULL ? Py_None : thread->tracer);
}

static PyObject *
settrace(PyObject *Py_UNUSED(module), PyObject *callback)
{
    Thread *thread = thread_here();
    if (thread == NULL) {
        return NULL;
    }
    PyObject *old = thread->tracer;
    thread->tracer = callback == Py_None ? NULL : Py_NewRef(callback);
    set_fast(thread);
    return old == NULL ? Py_NewRef(Py_None) : old;
}

static PyObject *
set_shortcuts(PyObject *Py_UNUSED(module), PyObject *flag)
{
    int on = flag == Py_None ? shortcuts : PyObject_IsTrue(flag);
    if (on < 0) {
        return NULL;
    }
    PyObject *before = PyBool_FromLong(shortcuts);
    shortcuts = on;
    for (Thread *thread = threads; thread != NULL; thread = thread->next) {
        set_fast(thread);
    }
    return before;
}

/* The questions that policy asks take one greenlet, and never anything that a subclass could override. */

static Greenlet *
greenlet_argument(PyObject *object)
{
    if (!is_greenlet(object)) {
        PyErr_Format(PyExc_TypeError, "GreenletChecker: Expected any type of greenlet, not %s",
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    return (Greenlet *)object;
}

static PyObject *
ready(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    if (g == NULL) {
        return NULL;
    }
    return PyBool_FromLong(g->state->slice.start != NULL && g->state->thread->tstate == tstate_get());
}

static PyObject *
state_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    if (g == NULL) {
        return NULL;
    }
    return Py_NewRef(is_unstarted(g->state)   ? unstarted_word
                     : is_current(g)          ? current_word
                     : is_suspended(g->state) ? suspended_word
                                              : dead_word);
}

static PyObject *
parent_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    if (g == NULL) {
        return NULL;
    }
    return Py_NewRef(g->state->parent == NULL ? Py_None : (PyObject *)g->state->parent);
}

static PyObject *
main_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    if (g == NULL) {
        return NULL;
    }
    Thread *thread = g->state->thread;
    return Py_NewRef(thread == NULL || thread->main == NULL ? Py_None : (PyObject *)thread->main);
}

static PyObject *
run_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    if (g == NULL) {
        return NULL;
    }
    if (g->state->run == NULL || !is_unstarted(g->state)) {
        PyErr_SetString(PyExc_AttributeError, "run");
        return NULL;
    }
    return Py_NewRef(g->state->run);
}

static PyObject *
py_is_main(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    return g == NULL ? NULL : PyBool_FromLong(is_main(g));
}

static PyObject *
py_store_parent(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *self, *parent;
    if (!PyArg_ParseTuple(args, "O!O!:store_parent", Base, &self, Base, &parent)) {
        return NULL;
    }
    return PyBool_FromLong(store_parent((Greenlet *)self, (Greenlet *)parent));
}

static PyObject *
store_run(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *self, *run = NULL;
    if (!PyArg_ParseTuple(args, "O!|O:store_run", Base, &self, &run)) {
        return NULL;
    }
    State *state = ((Greenlet *)self)->state;
    if (!is_unstarted(state)) {
        Py_RETURN_FALSE;
    }
    PyObject *old = state->run;
    state->run = Py_XNewRef(run);
    Py_XDECREF(old);
    Py_RETURN_TRUE;
}

static PyObject *
load_context(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    bool running;
    PyObject **context = g == NULL ? NULL : context_of(g, &running);
    if (context == NULL) {
        if (g != NULL) {
            PyErr_SetString(PyExc_ValueError, "cannot get context of a greenlet that is running in a different thread");
        }
        return NULL;
    }
    return Py_NewRef(*context == NULL ? Py_None : *context);
}

static PyObject *
py_store_context(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *self, *value;
    if (!PyArg_ParseTuple(args, "O!O:store_context", Base, &self, &value)) {
        return NULL;
    }
    bool running;
    PyObject **context = context_of((Greenlet *)self, &running);
    if (context == NULL) {
        PyErr_SetString(PyExc_ValueError, "cannot set context of a greenlet that is running in a different thread");
        return NULL;
    }
    if (value != Py_None && !PyContext_CheckExact(value)) {
        PyErr_SetString(PyExc_TypeError, "greenlet context must be a contextvars.Context or None");
        return NULL;
    }
    store_context(context, value, running);
    Py_RETURN_NONE;
}

static PyObject *
slice_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    if (g == NULL) {
        return NULL;
    }
    const stack_slice *slice = &g->state->slice;
    const char *start = is_current(g) ? __builtin_frame_address(0) : slice->start;
    return Py_BuildValue("KKKKKK", (unsigned long long)(uintptr_t)slice,
                         (unsigned long long)(uintptr_t)start, (unsigned long long)(uintptr_t)slice->stop,
                         (unsigned long long)slice->saved, (unsigned long long)slice->capacity,
                         (unsigned long long)(uintptr_t)slice->prev);
}

static PyObject *
count_main_greenlets(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSsize_t(main_greenlets);
}

static PyObject *
count_doomed(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t n = 0;
    for (Thread *thread = threads; thread != NULL; thread = thread->next) {
        Greenlet *lists[] = {thread->doomed, thread->unreachable};
        for (int i = 0; i < 2; i++) {
            for (Greenlet *g = lists[i]; g != NULL && g != &last_doomed; g = g->state->next) {
                n++;
            }
        }
    }
    return PyLong_FromSsize_t(n);
}

static PyObject *
trash_nesting(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLong(tstate_trash_nesting(tstate_get()));
}

static PyObject *
set_thread_local(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *key, *value, *dict = PyThreadState_GetDict();
    if (!PyArg_ParseTuple(args, "OO:set_thread_local", &key, &value)) {
        return NULL;
    }
    if (dict == NULL) {
        return PyErr_NoMemory();
    }
    return PyDict_SetItem(dict, key, value) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
close_down(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    closing = true;
    Py_RETURN_NONE;
}

/* ------------------------------------------------------------------------------------------------- the C API
 *
 * What extensions built against greenlet.h call, by its places in the capsule `greenlet._C_API`.
 */

static bool
is_greenlet_argument(PyObject *object)
{
    if (object != NULL && is_greenlet(object)) {
        return true;
    }
    PyErr_BadArgument();
    return false;
}

static PyObject *
api_new(PyObject *run, PyObject *parent)
{
    PyObject *kwargs = PyDict_New(), *self = NULL;
    if (kwargs != NULL && (run == NULL || PyDict_SetItem(kwargs, run_name, run) == 0)
        && (parent == NULL || PyDict_SetItemString(kwargs, "parent", parent) == 0)) {
        self = PyObject_Call((PyObject *)Public, empty_tuple, kwargs);
    }
    Py_XDECREF(kwargs);
    return self;
}

static PyObject *
api_get_current(void)
{
    return getcurrent(NULL, NULL);
}

static PyObject *
api_throw(PyObject *self, PyObject *type, PyObject *value, PyObject *traceback)
{
    PyObject *args[] = {type, value == NULL ? Py_None : value, traceback == NULL ? Py_None : traceback};
    return is_greenlet_argument(self) ? greenlet_throw(self, args, 3) : NULL;
}

/* Keywords take the way of an ordinary call of the method, which lays them out. */
static PyObject *
switch_with_keywords(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *method = PyObject_GetAttrString((PyObject *)Public, "switch");
    PyObject *all = PyTuple_New(PyTuple_GET_SIZE(args) + 1), *result = NULL;
    if (method != NULL && all != NULL) {
        PyTuple_SET_ITEM(all, 0, Py_NewRef(self));
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
            PyTuple_SET_ITEM(all, i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
        }
        result = PyObject_Call(method, all, kwargs);
    }
    release(method);
    release(all);
    return result;
}

static PyObject *
api_switch(PyObject *self, PyObject *args, PyObject *kwargs)
{
    if (!is_greenlet_argument(self)) {
        return NULL;
    }
    if (args == NULL) {
        args = empty_tuple;
    }
    if (!PyTuple_Check(args)) {
        PyErr_BadArgument();
        return NULL;
    }
    if (kwargs == NULL || !PyDict_Check(kwargs) || PyDict_GET_SIZE(kwargs) == 0) {
        return greenlet_switch(self, &PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args), NULL);
    }
    return switch_with_keywords(self, args, kwargs);
}

static int
api_set_parent(PyObject *self, PyObject *parent)
{
    return is_greenlet_argument(self) ? ask_setter(self, parent, (void *)P_GET_PARENT) : -1;
}

static int
api_main(PyObject *self)
{
    return is_greenlet_argument(self) ? is_main((Greenlet *)self) : -1;
}

static int
api_started(PyObject *self)
{
    return is_greenlet_argument(self) ? !is_unstarted(((Greenlet *)self)->state) : -1;
}

static int
api_active(PyObject *self)
{
    return is_greenlet_argument(self) ? greenlet_bool(self) : -1;
}

/* NULL without an exception for a main greenlet. */
static PyObject *
api_get_parent(PyObject *self)
{
    return is_greenlet_argument(self) ? Py_XNewRef((PyObject *)((Greenlet *)self)->state->parent) : NULL;
}

static PyObject *
c_api(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    static void *api[12];
    api[0] = Public;
    api[1] = GreenletError;
    api[2] = GreenletExit;
    api[3] = (void *)api_new;
    api[4] = (void *)api_get_current;
    api[5] = (void *)api_throw;
    api[6] = (void *)api_switch;
    api[7] = (void *)api_set_parent;
    api[8] = (void *)api_main;
    api[9] = (void *)api_started;
    api[10] = (void *)api_active;
    api[11] = (void *)api_get_parent;
    return PyCapsule_New(api, "greenlet._C_API", NULL);
}

static PyMethodDef functions[] = {
    {"c_api", c_api, METH_NOARGS, NULL},
    {"adopt", adopt, METH_VARARGS, NULL},
    {"close_down", close_down, METH_NOARGS, NULL},
    {"getcurrent", getcurrent, METH_NOARGS,
     "getcurrent()\n--\n\nReturn the greenlet that calls this function."},
    {"gettrace", gettrace, METH_NOARGS,
     "gettrace()\n--\n\nReturn the function that traces switches of this thread, or None."},
    {"settrace", settrace, METH_O,
     "settrace(callback, /)\n--\n\n"
     "Trace the switches of this thread by callback(event, (origin, target)), event being 'switch' or 'throw'.\n"
     "It is called in the target. None ends tracing; so does an exception in the callback, which is raised in\n"
     "the target. Returns the previous callback, or None."},
    {"shortcuts", set_shortcuts, METH_O, NULL},
    {"running", running, METH_NOARGS, NULL},
    {"ready", ready, METH_O, NULL},
    {"state_of", state_of, METH_O, NULL},
    {"parent_of", parent_of, METH_O, NULL},
    {"main_of", main_of, METH_O, NULL},
    {"run_of", run_of, METH_O, NULL},
    {"is_main", py_is_main, METH_O, NULL},
    {"store_parent", py_store_parent, METH_VARARGS, NULL},
    {"store_run", store_run, METH_VARARGS, NULL},
    {"load_context", load_context, METH_O, NULL},
    {"store_context", py_store_context, METH_VARARGS, NULL},
    {"slice_of", slice_of, METH_O, NULL},
    {"count_main_greenlets", count_main_greenlets, METH_NOARGS, NULL},
    {"count_doomed", count_doomed, METH_NOARGS, NULL},
    {"set_thread_local", set_thread_local, METH_VARARGS, NULL},
    {"trash_nesting", trash_nesting, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
fill(PyObject *namespace)
{
    if (Base != NULL) {
        PyErr_SetString(PyExc_ImportError, "switchlib can be loaded once in a process, by the main interpreter");
        return -1;
    }
    struct { PyObject **where; const char *text; } words[] = {
        {&switch_event, "switch"}, {&throw_event, "throw"}, {&run_name, "run"},
        {&vanished, "Killing the greenlet because all references have vanished."},
        {&unstarted_word, "unstarted"}, {&suspended_word, "suspended"},
        {&current_word, "current"}, {&dead_word, "dead"},
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(words); i++) {
        if ((*words[i].where = PyUnicode_InternFromString(words[i].text)) == NULL) {
            return -1;
        }
    }
    if ((empty_tuple = PyTuple_New(0)) == NULL
        || (parent_keyword = Py_BuildValue("(s)", "parent")) == NULL
        || (parent_run_keywords = Py_BuildValue("(ss)", "parent", "run")) == NULL) {
        return -1;
    }
    static const char *const names[] = {"SWITCH", "THROW", "START"};
    for (int i = 0; i < 3; i++) {
        if ((decisions[i] = PyLong_FromLong(i)) == NULL
            || PyDict_SetItemString(namespace, names[i], decisions[i]) < 0) {
            return -1;
        }
    }
    PyObject *module_name = PyUnicode_FromString("switchlib");
    for (PyMethodDef *def = functions; def->ml_name != NULL; def++) {
        PyObject *function = PyCFunction_NewEx(def, NULL, module_name);
        if (function == NULL || PyDict_SetItemString(namespace, def->ml_name, function) < 0) {
            return -1;
        }
        Py_DECREF(function);
    }
    Py_XDECREF(module_name);
    Base = (PyTypeObject *)PyType_FromSpec(&base_spec);
    if (Base == NULL || PyDict_SetItemString(namespace, "Base", (PyObject *)Base) < 0) {
        return -1;
    }
    chunk_cache_install();
    return 0;
}

int
mechanism_fill(uintptr_t namespace_id, char *why, size_t size)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    int status = fill((PyObject *)namespace_id);
    if (status < 0) {
        PyObject *exception = take_instance();
        PyObject *text = PyObject_Str(exception);
        PyOS_snprintf(why, size, "%s", text == NULL ? "out of memory" : PyUnicode_AsUTF8(text));
        Py_XDECREF(text);
        Py_DECREF(exception);
    }
    PyGILState_Release(gil);
    return status;
}
