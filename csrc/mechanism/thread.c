/* Threads that use greenlets: found by their thread state, ended with it. */
#include "parts.h"

static Thread nowhere;              /* for `here` when no thread is known */
Thread *here = &nowhere;
Thread *threads;
Py_ssize_t main_greenlets;
bool shortcuts = true;
bool closing;

static const char guard_name[] = "switchlib.thread";

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
    if (thread->tstate == tstate_get() && !is_finalizing()) {
        kill_doomed(thread);
    }
    if (thread->tstate != NULL) {
        tstate_leave_thread(thread->tstate);
        thread_end(thread);
    }
    thread_release(thread);
}

/* Whether the thread's state is among those of its interpreter. Of a subinterpreter that cannot be told: it may have
 * gone, too. */
static bool
is_there(const Thread *thread)
{
    if (!thread->of_main_interpreter) {
        return true;
    }
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    while (ts != NULL && !is_here(thread, ts)) {
        ts = PyThreadState_Next(ts);
    }
    return ts != NULL;
}

/* Ends the threads that are gone and whose guard did not tell: destructors that run after the thread state's dict
 * has gone may ask for greenlets, and get a dict that nobody clears. */
static void
end_forgotten_threads(void)
{
    for (Thread *thread = threads; thread != NULL;) {
        if (is_there(thread)) {
            thread = thread->next;
        }
        else {
            thread_end(thread);     /* which may run anything */
            thread = threads;
        }
    }
}

static Thread *
thread_create(PyThreadState *ts, PyObject *dict)
{
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
    thread->next = threads;
    threads = thread;
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

Thread *
thread_here(void)
{
    Thread *thread = thread_find(true);
    if (unlikely(thread != NULL && (thread->doomed != NULL || thread->unreachable != NULL))) {
        kill_doomed(thread);
    }
    return thread;
}
