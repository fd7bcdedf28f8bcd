/* Greenlets for CPython: what the parts of the mechanism share.
 *
 *     thread.c     threads that use greenlets, found by their thread state
 *     switch.c     a switch: leave, arrive
 *     life.c       the life of a greenlet: begin, finish
 *     decision.c   asking the policy, and carrying out what it decided
 *     hidden.c     how policy is hidden from tracebacks, trace functions and monitors
 *     call.c       the builtins that switch: greenlet.switch and greenlet.throw
 *     type.c       what a greenlet is to Python; the policy class that it adopts
 *     kill.c       the end of greenlets that nobody refers to
 *     collector.c  in which greenlet the collector stands
 *     capi.c       what extensions built against greenlet.h call
 *     module.c     what switchlib/_mechanism.py declares
 *     points.h     where code of users may run, and where not; a build for tests has it run at each such place
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
#ifndef SWITCHLIB_PARTS_H
#define SWITCHLIB_PARTS_H

#include "../../asm/asm.h"
#include "../arena.h"
#include "../blocks.h"
#include "../callee.h"
#include "../stack.h"
#include "../tstate.h"

#include <stdbool.h>

#include "points.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* -fvisibility covers what is defined; this covers what is only declared, which else goes through the GOT. */
#pragma GCC visibility push(hidden)

/* ------------------------------------------------------------------------------------------- structures */

struct Thread;

/* What a greenlet is beyond its object. */
typedef struct State {
    struct Thread *thread;          /* counted; NULL until the greenlet begins. With what follows: a switch needs it */
    stack_slice slice;
    tstate_slice tstate;
    struct Greenlet *parent;        /* owned; NULL for a main greenlet */
    PyObject *run;                  /* owned; NULL if there is none (any more) */
    struct Greenlet *next;          /* if it is to die: the next in its thread's list */
    struct Greenlet *victim;        /* borrowed; the one for whose end it waits, if it is suspended in a kill */
    int depth;                      /* how many kills, under way within each other, it stands in */
    bool apart;                     /* in a block of memory of its own, not in that of the object */
} State;

/* The layout is that of `PyGreenlet` in greenlet.h: extensions built against greenlet subclass it. */
typedef struct Greenlet {
    PyObject_HEAD
    PyObject *weakreflist;
    PyObject *dict;
    State *state;
} Greenlet;

#define LENT_WITH_SELF 5

/* A thread that has used greenlets. The thread state's dict owns it; so does each greenlet that began in it. */
typedef struct Thread {
    PyThreadState *fast;            /* tstate while shortcuts may be taken, else NULL */
    PyThreadState *tstate;          /* NULL when the thread has ended */
    uint64_t id;                    /* of tstate: another may get its address, but not its number */
    bool of_main_interpreter;       /* that of a subinterpreter comes here by the C API only */
    Greenlet *current;              /* owned: nothing on a greenlet's own stack may own it */
    Greenlet *main;                 /* owned */
    /* The switch under way. */
    Greenlet *target;               /* owned */
    PyObject *payload;              /* owned: the value, or the exception that arrive_to_raise raises; NULL if one is set */
    PyObject *traceback;            /* owned: with which it is raised, may be NULL */
    bool stayed;                    /* there was no memory to leave the stack */
    /* If the target starts: a function with its arguments in an array (all borrowed), see lend_array; or args and kwargs. */
    PyFunctionObject *function;
    PyObject *const *array;
    Py_ssize_t nargs;
    PyObject *with_self[1 + LENT_WITH_SELF];    /* the array, if `self` comes before the caller's */
    PyObject *args;                 /* owned; NULL to raise the payload instead of calling run */
    PyObject *kwargs;               /* owned, may be NULL */
    PyObject *stale;                /* owned: the run that another took the place of; to be released there */

    struct Greenlet *first_of_row;  /* borrowed: a dead one that ended into one that began in its place, see shorten_row */
    PyObject *tracer;               /* owned, may be NULL */
    Py_tracefunc trace_function, profile_function;      /* the thread state's, while policy is hidden from them */
    /* Owned lists of greenlets that are to die when the thread next asks for greenlets: */
    Greenlet *doomed;               /* they lost their last reference in another thread, or have to wait */
    Greenlet *unreachable;          /* they did in the collector, or it found them in cycles */
    Py_ssize_t count;
    struct Thread *next;            /* in the list in which thread_of looks */
    bool is_there, is_late;         /* for end_forgotten_threads; late ones began after their guard told */
} Thread;

extern Thread *here;               /* the thread that used greenlets last; the GIL protects it */
extern Py_ssize_t main_greenlets;
extern bool shortcuts;
extern bool closing;               /* the interpreter runs its exit functions, or ends already */

extern PyTypeObject *Base;         /* the type, */
extern PyTypeObject *Public;       /* and the policy class derived from it */
extern PyObject *GreenletExit, *GreenletError;
extern PyObject *empty_tuple, *run_name, *switch_event, *throw_event, *parent_keyword, *parent_run_keywords, *vanished;

enum { SWITCH, THROW, START };
extern PyObject *decisions[3];      /* the ints that tag decisions */

/* Functions of the policy class that builtins ask. A property has three. */
enum {
    P_INIT, P_SWITCH, P_SWITCH_POSITIONAL, P_THROW, P_END,
    P_GET_RUN, P_SET_RUN, P_DEL_RUN,
    P_GET_PARENT, P_SET_PARENT, P_DEL_PARENT,
    P_GET_CONTEXT, P_SET_CONTEXT, P_DEL_CONTEXT,
    POLICIES
};
extern PyObject *policy[POLICIES];
extern vectorcallfunc function_vectorcall;      /* that of every function of Python, unless somebody has changed it */

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

/* A walk up the parents: begin with one of `walk_from`. It ends whatever the links are, for none is longer than there are
 * greenlets. */
typedef struct Walk {
    Greenlet *at;                   /* NULL at the end */
    long left;                      /* less than 0 if the links go round */
} Walk;

static inline Walk
walk_from(const Greenlet *g)
{
    return (Walk){(Greenlet *)g, arena_greenlets};
}

static inline void
walk_up(Walk *walk)
{
    walk->at = --walk->left < 0 ? NULL : walk->at->state->parent;
}

static inline bool
is_greenlet(PyObject *object)
{
    return Py_IS_TYPE(object, Public) || PyObject_TypeCheck(object, Base);
}

/* Drops a reference, which may run anything, but keeps the exception that is set. NULL is allowed. (See also drop_shared.) */
static inline void
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

static inline void
thread_release(Thread *thread)
{
    if (--thread->count == 0) {
        PyMem_Free(thread);
    }
}

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

/* Whether a switch to `target` can only go there: it is suspended in this thread, and nothing forbids shortcuts. */
static inline bool
is_plain(const Thread *thread, const Greenlet *target)
{
    const State *to = target->state;
    return thread->fast != NULL && to->thread == thread && to->slice.start != NULL;
}

/* ----------------------------------------------------------------------------------------------- threads */

/* The running thread; `create` it if it is new. NULL with an exception set if it could not be, and NULL without one
 * if it is new and not to be created. */
Thread *thread_find(bool create);

/* All that have not ended, in any order: the first is after NULL, and NULL after the last. */
Thread *thread_after(const Thread *thread);

/* As thread_find(true), but first kills what waits to be killed in this thread. */
Thread *thread_here(void);

/* To be called when what forbids shortcuts may have changed. */
void set_fast(Thread *thread);

/* Whether the interpreter is too far gone to run a greenlet's last code. */
bool is_finalizing(void);

/* ----------------------------------------------------------------------------------------------- a switch
 *
 * Once the target has been checked nothing may run before the stack is left, for it could end the target, or move it. So
 * what is to arrive lies ready in thread->target and thread->payload; an exception is raised by who has arrived, since to
 * raise one drops the traceback that it had, and so on. Then one of these does the rest and returns, on the stack that it
 * was called on, what comes out of the switch, when somebody comes back. It is the last thing that a builtin does, so that
 * no frame of ours lies on the stack that is copied.
 */
static inline PyObject *
swap(stack_save_fn save, stack_restore_fn restore, Thread *thread)
{
    return switchlib_swap_stack(save, restore, thread);
}

/* The ways to leave for a suspended greenlet. Without memory they stay: `leave` raises MemoryError; after the others
 * thread->stayed is set (see stayed_here), and payload and exception are still the caller's. */
void *leave(void *sp, void *thread);
void *leave_or_stay(void *sp, void *thread);
void *leave_for_good_or_stay(void *sp, void *thread);

/* The ways to leave for one that begins. Nothing is refused any more, see prepare_start. */
void *leave_to_begin(void *sp, void *thread);
void *leave_for_good_to_begin(void *sp, void *thread);

/* What is done on the target's stack: `arrive` returns the payload (or NULL, if an exception was set when the stack was
 * left), `arrive_to_raise` raises it, `begin` calls run and never returns. */
void *arrive(void *thread);
void *arrive_to_raise(void *thread);
_Noreturn void begin(void *thread);

/* Whether the stack was not left after all. To be asked once. */
static inline bool
stayed_here(Thread *thread)
{
    bool stayed = thread->stayed;
    thread->stayed = false;
    return stayed;
}

/* The rest of an arrival where something may run: a tracer, or the end of the origin. Takes over both, origin and payload;
 * returns the payload, or NULL with an exception set. */
PyObject *arrive_slowly(Thread *thread, Greenlet *origin, PyObject *payload);

/* The same, if the payload is an exception to be raised, with this traceback. Returns NULL. */
PyObject *arrive_raising(Thread *thread, Greenlet *origin, PyObject *exception, PyObject *traceback);

/* Whether an unstarted greenlet would run in this thread: so say its ancestors, up to the first that began. */
bool ancestors_belong_here(const Thread *thread, const Greenlet *g);

static inline bool
belongs_here(const Thread *thread, const Greenlet *g)
{
    const Greenlet *parent = g->state->parent;
    return (parent != NULL && parent->state->thread == thread) || ancestors_belong_here(thread, g);
}

/* GreenletExit, which is set, as a value; NULL with an exception set if it could not be made. */
PyObject *exit_value(void);

/* ---------------------------------------------------------------------------------------------- decisions */

/* What became of a decision. */
typedef struct Settled {
    enum {
        DONE,                       /* nobody is left: `result` comes out of the switch */
        RETRY,                      /* it holds no more: ask again */
        RESUME, RAISE, BEGIN,       /* the thread is ready for the way of this name: nothing may run before it is gone */
    } what;
    PyObject *result;               /* NULL if an exception is set, or if not DONE */
} Settled;

/* Leaves the current greenlet as was settled, to come back; or returns the result. */
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

/* Drops a reference to what was settled on. If a switch is under way the thread holds it, too, and nothing runs. */
static inline void
let_go(PyObject *object, Settled settled)
{
    if (settled.what == DONE || settled.what == RETRY) {
        release(object);
    }
    else {
        drop_shared(object);
    }
}

/* Calls a function of policy, hidden from those who watch the program. `args` is as PyObject_Vectorcall takes it. */
PyObject *call_hidden(Thread *thread, PyObject *function, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

static inline PyObject *
ask(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return call_hidden(thread, policy[which], args, nargs, kwnames);
}

/* The run of a target that was unstarted: a new reference, or NULL and what was settled. Looking it up may run anything. */
PyObject *run_of_start(Greenlet *target, Settled *settled);

/* The last steps before a new stack, once it was found out what `run` calls: checks the target, and takes run over, whatever
 * is settled. */
Settled prepare_start(Thread *thread, Greenlet *target, PyObject *run, Callee callee);

/* Makes ready to start `target` by a call of `run`, which is taken over, with args and kwargs; or, if args is NULL, with the
 * exception, which is then raised with the traceback. */
Settled settle_run(Thread *thread, Greenlet *target, PyObject *run, PyObject *args, PyObject *kwargs, PyObject *exception,
                   PyObject *traceback);

/* Both, one after the other. */
Settled settle_start(Thread *thread, Greenlet *target, PyObject *args, PyObject *kwargs, PyObject *exception,
                     PyObject *traceback);

/* Asks until a decision holds. An exception that is thrown is raised with this traceback (may be NULL). */
Settled ask_and_settle(Thread *thread, int which, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                       PyObject *traceback);

/* Ends the current greenlet as the policy decides. The result is NULL if an exception is set. */
_Noreturn void end_slowly(Thread *thread, Greenlet *me, PyObject *result);

/* The exception that is set, as an instance that bears its traceback; clears it. */
PyObject *take_instance(void);

/* Raises an instance as it is, with the traceback that it bears, which runs nothing. Takes it over. */
void raise_instance(PyObject *exception);

/* --------------------------------------------------------------------------------------- the type and its parts */

PyObject *greenlet_switch(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *greenlet_throw(PyObject *self, PyObject *const *args, Py_ssize_t nargs);

/* Packs an array of arguments into a tuple and a dict (NULL without keywords). This may run anything. */
int pack_call(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **tuple, PyObject **dict);

Greenlet *greenlet_alloc(PyTypeObject *type);
int greenlet_bool(PyObject *self);

/* Gives a greenlet an empty dict, where the interpreter looks `switch` up more quickly if there is one. This may run
 * anything, which may make one first; without memory there is none. */
void give_dict(Greenlet *self);

/* Stores a parent, owned from now on, unless a cycle would come of it: then returns false. */
bool store_parent(Greenlet *self, Greenlet *parent);

/* Asks policy to set or (value NULL) delete a property; `closure` is the policy function that gets it. */
int ask_setter(PyObject *self, PyObject *value, void *closure);

/* Where the greenlet's context lies, if this thread may touch it; NULL if it runs in another. */
PyObject **context_of(Greenlet *self, bool *running);
void store_context(PyObject **context, PyObject *value, bool running);

/* Makes Base; 0, or -1 with an exception set. */
int base_type_make(void);

/* adopt(class, error, GreenletExit): makes the policy class the public type. */
PyObject *adopt(PyObject *module, PyObject *args);
/* store_module(name): the public type is that module's from now on, by all of its names. */
PyObject *store_module(PyObject *module, PyObject *name);

/* Kills those of the thread that are to die, and can: to lose the last reference does it; cycles keep theirs. If the
 * thread has ended they are only released. */
void kill_doomed(Thread *thread);

/* Has gc.callbacks tell of collections. -1 with an exception set if it cannot be. */
int collector_listen(PyObject *module_name);

/* Whether the collector stands in the greenlet that runs; `running` is the thread that runs, NULL if it has none yet. */
bool collector_is_here(const Thread *running);

Py_ssize_t count_doomed(const Greenlet *list);

void greenlet_finalize(PyObject *object);
int greenlet_traverse(PyObject *object, visitproc visit, void *arg);
int greenlet_clear(PyObject *object);
void greenlet_dealloc(PyObject *object);

PyObject *getcurrent(PyObject *module, PyObject *ignored);
PyObject *running(PyObject *module, PyObject *ignored);

/* The capsule `greenlet._C_API`. */
PyObject *c_api(PyObject *module, PyObject *ignored);

#pragma GCC visibility pop

#endif
