#include "kill.h"

#include "collector.h"
#include "constants.h"
#include "exception.h"
#include "marks.h"
#include "switch.h"

#define MOST_NESTED 16

/* How often a victim is resumed that kills others which live on. */
#define MOST_STEPS 1000

/* A list is a ring, and its pointer leads to the last greenlet. Adds a greenlet at the end,
 * unless it is already in a list. */
static void
add_doomed(Greenlet **list, Greenlet *g)
{
    if (g->state->next == NULL) {
        Greenlet *last = *list;
        g->state->next = last == NULL ? g : last->state->next;
        if (last != NULL) {
            last->state->next = g;
        }
        *list = (Greenlet *)Py_NewRef(g);
        update_fast_tstate(g->state->thread);
    }
}

/* Takes the first greenlet off a list; the caller owns it. */
static Greenlet *
take_doomed(Greenlet **list)
{
    Greenlet *last = *list, *first = last->state->next;
    if (first == last) {
        *list = NULL;
    }
    else {
        last->state->next = first->state->next;
    }
    first->state->next = NULL;
    update_fast_tstate(first->state->thread);
    return first;
}

Py_ssize_t
count_doomed(const Greenlet *list)
{
    Py_ssize_t n = 0;
    if (list != NULL) {
        const Greenlet *g = list;
        do {
            n++;
            g = g->state->next;
        } while (g != list);
    }
    return n;
}

static inline bool
may_kill(const Thread *thread)
{
    return thread->current->state->depth < MOST_NESTED && !thread->is_reporting;
}

/* Whether a greenlet waits in a kill for its victim, which waits for its own victim, and so on,
 * and the last of these is `other`. */
static bool
waits_for(const State *state, const Greenlet *other)
{
    const Greenlet *victim = state->victim;
    for (long left = arena_greenlets; victim != NULL && victim != other && left > 0; left--) {
        victim = victim->state->victim;
    }
    return victim == other;
}

/* Whether a greenlet, to which the caller holds a reference, can be killed in this thread. It
 * must be suspended, and no ancestor of the current greenlet, which would end into it. (A
 * greenlet without other references is no ancestor.) */
static bool
is_victim(const Thread *thread, const Greenlet *g)
{
    return g->state->thread == thread && is_suspended(g->state)
        && (Py_REFCNT(g) == 1 || !descends_from(thread->current, g));
}

/* Throws an exception, which it takes over, into a victim. If the exception is NULL, resumes the
 * victim with None. False if there was no memory to get there: then nothing has changed. */
static bool
run_victim(Thread *thread, Greenlet *victim, PyObject *exception)
{
    State *killer = thread->current->state;
    PyObject *payload = exception == NULL ? Py_NewRef(Py_None) : exception;
    killer->victim = victim;
    unmark_generators(victim);
    thread->target = (Greenlet *)Py_NewRef(victim);
    thread->payload = payload;
    PyObject *result = swap(leave_or_stay, exception == NULL ? arrive : arrive_to_raise, thread);
    killer->victim = NULL;
    if (stayed_here(thread)) {
        Py_DECREF(payload);
        return false;
    }
    if (result == NULL) {
        PyErr_WriteUnraisable((PyObject *)victim);
    }
    Py_XDECREF(result);
    return true;
}

/* Nothing can run it any more, and it cannot be freed. */
static void
report_survivor(Greenlet *self)
{
    PyObject *file = Py_XNewRef(PySys_GetObject("stderr"));
    Py_INCREF(self);                /* for ever */
    if (file != NULL && file != Py_None
        && (PyFile_WriteString("GreenletExit did not kill ", file) < 0
            || PyFile_WriteObject((PyObject *)self, file, 0) < 0
            || PyFile_WriteString("\n", file) < 0)) {
        PyErr_WriteUnraisable((PyObject *)self);
    }
    Py_XDECREF(file);
}

/* A kill under way; the current greenlet is the killer. */
typedef struct Kill {
    Greenlet *victim;               /* borrowed */
    Greenlet *parent;               /* owned: its parent, while the killer stands there */
    int depth;                      /* 0 until the victim is first run */
    bool exit_was_thrown;
} Kill;

static void
begin_kill(Kill *kill, Greenlet *killer)
{
    if (kill->depth == 0) {
        State *state = kill->victim->state;
        kill->parent = state->parent;
        state->parent = (Greenlet *)Py_NewRef(killer);
        kill->depth = ++killer->state->depth;
        state->depth += kill->depth;
    }
}

static void
end_kill(Kill *kill, Greenlet *killer)
{
    if (kill->depth != 0) {
        killer->state->depth--;
        kill->victim->state->depth -= kill->depth;
    }
    if (kill->parent != NULL) {
        /* If that one has become a child of the victim, this is refused, and the killer stays
         * the parent. */
        store_parent(kill->victim, kill->parent);
        Py_DECREF(kill->parent);
    }
}

/* The GreenletExit that a victim gets, or another exception if it could not be made. May run
 * anything. */
static PyObject *
make_exit(void)
{
    PyErr_SetObject(GreenletExit, kill_message);
    return take_instance();
}

typedef enum Step {
    AGAIN,
    OVER,
    NO_MEMORY
} Step;

/* Brings the victim nearer to its end, by throwing GreenletExit into it. If the victim is itself
 * killing, and its own victim has lived on, nothing can be raised in it, so it is resumed there
 * first. If the victim waits for the killer, it would send that one back, and so on for ever: it
 * has to live on. */
static Step
step_of_kill(Thread *thread, Kill *kill)
{
    State *state = kill->victim->state;
    PyObject *exit = NULL;
    if (state->victim == NULL) {
        exit = make_exit();
        if (!PyErr_GivenExceptionMatches(exit, GreenletExit)) {
            release(exit);
            return NO_MEMORY;
        }
        if (!is_victim(thread, kill->victim) || state->victim != NULL) {
            release(exit);          /* user code that ran while it was made has run the victim,
                                       too */
            return AGAIN;
        }
        kill->exit_was_thrown = true;
    }
    begin_kill(kill, thread->current);
    if (!run_victim(thread, kill->victim, exit)) {
        return NO_MEMORY;
    }
    bool is_over = kill->exit_was_thrown && state->victim == NULL;
    return is_over || waits_for(state, thread->current) ? OVER : AGAIN;
}

/* A victim that lives on is finalised again when it loses its last reference again. Not if a
 * collection is under way: that may have called its finaliser already, and would not call it a
 * second time. */
static void
let_be_finalized_again(Greenlet *g)
{
    g->state->may_be_finalized_again = !tstate_collecting(tstate_get());
}

bool
can_be_finalized(Greenlet *self)
{
    if (Py_TYPE(self)->tp_finalize != greenlet_finalize) {
        return false;
    }
    if (self->state->may_be_finalized_again) {
        self->state->may_be_finalized_again = false;
        tstate_set_finalized((PyObject *)self, false);
    }
    return !tstate_is_finalized((PyObject *)self);
}

/* Kills a suspended greenlet, to which the caller holds a reference. Keeps the exception that is
 * set. False if there was no memory: then the victim has to wait. */
static bool
kill_suspended(Thread *thread, Greenlet *victim)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    Greenlet *killer = thread->current;     /* on whose stack this runs, even if the thread ends */
    Kill kill = {.victim = victim};
    Step step = AGAIN;
    for (int i = 0; i < MOST_STEPS && step == AGAIN && is_victim(thread, victim); i++) {
        step = step_of_kill(thread, &kill);
    }
    end_kill(&kill, killer);
    if (step != NO_MEMORY && is_suspended(victim->state) && Py_REFCNT(victim) == 1) {
        report_survivor(victim);
    }
    PyErr_Restore(type, value, traceback);
    return step != NO_MEMORY;
}

/* Takes a whole list. */
static Greenlet *
take_list(Greenlet **list)
{
    Greenlet *taken = *list;
    *list = NULL;
    return taken;
}

/* Kills the greenlets that were taken off a list: all of them if they are in `cycles`, otherwise
 * those without other references. A greenlet that cannot be killed since there is no memory goes
 * back into the list. */
static bool
kill_taken(Thread *thread, Greenlet *taken, Greenlet **list, bool cycles, bool has_memory)
{
    while (taken != NULL) {
        Greenlet *g = take_doomed(&taken);
        if (has_memory && is_suspended(g->state) && (cycles || Py_REFCNT(g) == 1)) {
            has_memory = kill_suspended(thread, g);
        }
        if (!has_memory) {
            add_doomed(list, g);
        }
        let_be_finalized_again(g);
        release((PyObject *)g);
    }
    return has_memory;
}

/* While the collector is at work, it still has what it found in its lists. (It may have begun
 * within a kill.) */
static bool
may_kill_unreachable(const Thread *thread)
{
    return thread->tstate == NULL || !tstate_collecting(thread->tstate);
}

/* One round: kills the greenlets that are in the lists now. A greenlet within such a kill may
 * begin a round of its own, with what was added to the lists after this round began. False if
 * there was nothing to do, or if something had to be left. */
static bool
kill_round(Thread *thread)
{
    Greenlet *doomed = take_list(&thread->doomed);
    Greenlet *unreachable = may_kill_unreachable(thread) ? take_list(&thread->unreachable) : NULL;
    if (doomed == NULL && unreachable == NULL) {
        return false;
    }
    update_fast_tstate(thread);
    bool has_memory = kill_taken(thread, doomed, &thread->doomed, false, true);
    return kill_taken(thread, unreachable, &thread->unreachable, true,
                      has_memory && may_kill_unreachable(thread));
}

void
kill_doomed(Thread *thread)
{
    if (thread->tstate != NULL && (!may_kill(thread) || collector_is_here(thread))) {
        return;
    }
    while (kill_round(thread)) {
    }
}

/* Frees the stack of a greenlet that can never run again. */
static void
abandon(Greenlet *self)
{
    State *state = self->state;
    if (state->slice.start != NULL) {
        seal_generators(self);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        stack_forget(&state->slice);
        tstate_abandon(&state->tstate);
        PyErr_Restore(type, value, traceback);
    }
}

void
add_unreachable(Greenlet *g)
{
    add_doomed(&g->state->thread->unreachable, g);
    collector_leaves_work();
}

void
greenlet_finalize(PyObject *object)
{
    Greenlet *self = (Greenlet *)object;
    if (self->state == NULL || self->state->slice.start == NULL) {
        return;
    }
    Thread *thread = self->state->thread, *running = thread_find();
    if (is_main(self)) {
        return;                     /* a program called its __del__ */
    }
    if (thread->tstate == NULL) {
        abandon(self);
    }
    else if (tstate_finalizing()) {
        Py_INCREF(self);            /* for ever: it can neither run nor be freed */
    }
    else if (collector_is_here(running)) {
        add_unreachable(self);
    }
    else if (thread == running && may_kill(thread) && kill_suspended(thread, self)) {
        let_be_finalized_again(self);
        kill_doomed(thread);        /* what had to wait until this kill was over */
    }
    else {
        add_doomed(&thread->doomed, self);
    }
}
