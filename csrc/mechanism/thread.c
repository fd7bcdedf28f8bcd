/* Threads that use greenlets: found by their thread state, ended with it. */
#include "parts.h"

static Thread nowhere;              /* for `here` when no thread is known */
Thread *here = &nowhere;
Py_ssize_t main_greenlets;
bool shortcuts = true;
bool closing;

static const char guard_name[] = "switchlib.thread";

/* Those that have not ended, each in a list by the address of its thread state. */
#define BUCKETS 1024

static Thread *buckets[BUCKETS];
static Py_ssize_t known;            /* how many there are */
static Py_ssize_t until_look;       /* so many may begin before some are to be looked for that were forgotten */
static uint64_t last_ended;         /* the number of the thread state whose guard told last */

static Thread **
bucket_of(PyThreadState *ts)
{
    return &buckets[((uintptr_t)ts >> 6) % BUCKETS];
}

static Thread *
thread_of(PyThreadState *ts)
{
    Thread *thread = *bucket_of(ts);
    while (thread != NULL && !is_here(thread, ts)) {
        thread = thread->next;
    }
    return thread;
}

Thread *
thread_after(const Thread *thread)
{
    if (thread != NULL && thread->next != NULL) {
        return thread->next;
    }
    for (Thread **bucket = thread == NULL ? buckets : bucket_of(thread->tstate) + 1; bucket < buckets + BUCKETS; bucket++) {
        if (*bucket != NULL) {
            return *bucket;
        }
    }
    return NULL;
}

void
set_fast(Thread *thread)
{
    bool fast = shortcuts && thread->tracer == NULL && thread->doomed == NULL && thread->unreachable == NULL;
    thread->fast = fast ? thread->tstate : NULL;
}

bool
is_finalizing(void)
{
    return tstate_finalizing();
}

/* The thread has ended. Its suspended greenlets can never run again; each frees its stack when it goes. */
static void
thread_end(Thread *thread)
{
    if (here == thread) {
        here = &nowhere;
    }
    Thread **link = bucket_of(thread->tstate);
    while (*link != thread) {
        link = &(*link)->next;
    }
    *link = thread->next;
    known--;
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
    if (is_here(thread, tstate_get()) && !is_finalizing()) {
        kill_doomed(thread);
    }
    last_ended = thread->id;
    if (thread->tstate != NULL) {
        tstate_leave_thread(thread->tstate);
        thread_end(thread);
    }
    thread_release(thread);
}

/* Some threads end without a word: destructors that run after the thread state's dict has gone may ask for greenlets, and get
 * a dict that nobody clears. Where a new thread state lies there is none of theirs any more. */
static void
end_predecessors(PyThreadState *ts)
{
    for (Thread *thread = *bucket_of(ts); thread != NULL; thread = thread->next) {
        if (thread->tstate == ts && !is_here(thread, ts)) {
            thread_end(thread);     /* which may run anything */
            end_predecessors(ts);
            return;
        }
    }
}

/* Ends all of them, but of a subinterpreter's it cannot be told: it may have gone, too. That takes as long as all threads are
 * many, so it waits until they have doubled; until they are an eighth more while one is known that will go without a word. */
static void
end_forgotten_threads(void)
{
    if (until_look-- > 0) {
        return;
    }
    bool again = false;
    for (Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        thread->is_there = !thread->of_main_interpreter;
    }
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        Thread *thread = thread_of(ts);
        if (thread != NULL) {
            thread->is_there = true;
            again |= thread->is_late;
        }
    }
    until_look = again ? known / 8 : known + 8;
    for (Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        if (!thread->is_there) {
            thread_end(thread);     /* which may run anything */
            thread = NULL;
        }
    }
}

static Thread *
thread_create(PyThreadState *ts, PyObject *dict)
{
    end_predecessors(ts);
    end_forgotten_threads();
    if (tstate_enter_thread(ts) < 0) {
        return NULL;
    }
    Greenlet *main = greenlet_alloc(Public);
    Thread *thread = PyMem_Calloc(1, sizeof *thread);
    PyObject *guard = thread == NULL ? NULL : PyCapsule_New(thread, guard_name, NULL);
    bool made = main != NULL && guard != NULL && PyDict_SetItem(dict, guard, Py_None) == 0;
    if (!made || thread_find(false) != NULL) {      /* or what ran meanwhile, a finaliser, has used greenlets */
        if (made && PyDict_DelItem(dict, guard) < 0) {
            PyErr_Clear();
        }
        Py_XDECREF(guard);
        Py_XDECREF(main);
        PyMem_Free(thread);
        if (!made && !PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        return made ? thread_find(false) : NULL;
    }
    main->state->slice.stop = STACK_END;
    main->state->thread = thread;
    main_greenlets++;
    thread->tstate = ts;
    thread->id = tstate_id(ts);
    thread->of_main_interpreter = tstate_is_of_main_interpreter();
    thread->current = (Greenlet *)Py_NewRef(main);
    thread->main = main;
    thread->count = 3;              /* the dict's guard, the list of all, and the main greenlet */
    thread->is_there = true;
    thread->is_late = thread->id == last_ended;
    until_look = thread->is_late ? Py_MIN(until_look, known / 8) : until_look;
    thread->next = *bucket_of(ts);
    *bucket_of(ts) = thread;
    known++;
    set_fast(thread);
    PyCapsule_SetDestructor(guard, guard_destroy);
    Py_DECREF(guard);
    return thread;
}

Thread *
thread_find(bool create)
{
    PyThreadState *ts = tstate_get();
    if (likely(is_here(here, ts))) {
        return here;
    }
    Thread *thread = thread_of(ts);
    if (thread != NULL) {
        return here = thread;
    }
    if (!create) {
        return NULL;
    }
    PyObject *dict = PyThreadState_GetDict();
    if (dict == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    thread = thread_create(ts, dict);
    return thread == NULL ? NULL : (here = thread);
}

Thread *
thread_here(void)
{
    Thread *thread = thread_find(true);
    if (unlikely(thread != NULL && (thread->doomed != NULL || thread->unreachable != NULL))) {
        kill_doomed(thread);
    }
    return thread;
}
