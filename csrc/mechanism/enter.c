#include "enter.h"

#include "kill.h"
#include "marks.h"
#include "object.h"
#include "timeline.h"

bool closing;

/* A thread's guard is a capsule in the dict of its thread state, which is cleared when the
 * thread ends. The guard is also its own key: looking up another key could compare it with keys
 * of the program. */
static const char guard_name[] = "switchlib.thread";

/* How many more threads may begin before forgotten ones are searched for. */
static Py_ssize_t until_search;
/* The number of the thread state whose guard was the last to report its end. */
static uint64_t last_ended_id;

/* The thread has ended. Its suspended greenlets can never run again. Each frees its stack when
 * its last reference goes. */
static void
thread_end(Thread *thread)
{
    timeline_thread_end(thread);
    registry_end_list(&thread->listed);
    thread_remove(thread);
    thread->tstate = thread->fast_tstate = NULL;
    kill_doomed(thread);
    Py_CLEAR(thread->tracer);
    Py_CLEAR(thread->current);
    Py_CLEAR(thread->main);
    thread_release(thread);
}

/* Called when the thread state's dict goes. The thread may have ended, or the interpreter, or a
 * forked child clears the thread states of threads that it does not have. */
static void
guard_destroy(PyObject *guard)
{
    Thread *thread = PyCapsule_GetPointer(guard, guard_name);
    if (is_thread_of(thread, tstate_get()) && !tstate_finalizing()) {
        kill_doomed(thread);
    }
    last_ended_id = thread->id;
    if (thread->tstate != NULL) {
        tstate_leave_thread(thread->tstate);
        thread_end(thread);
    }
    thread_release(thread);
}

/* Some threads end unreported: destructors that run after the thread state's dict has gone may
 * use greenlets. Then a new dict is made, which is never cleared. When a new thread state has
 * the same address, such a thread has ended. */
static void
end_predecessors(PyThreadState *ts)
{
    for (Thread *thread = thread_first_near(ts); thread != NULL; thread = thread->next) {
        if (thread->tstate == ts && !is_thread_of(thread, ts)) {
            thread_end(thread);     /* which may run anything */
            end_predecessors(ts);
            return;
        }
    }
}

/* Finds and ends all threads that ended unreported, except those of subinterpreters, whose
 * thread states cannot be listed here. This takes as long as there are threads. So it waits
 * until their number has doubled, or, while a thread is known that will end unreported, until it
 * has grown by an eighth. */
static void
end_forgotten_threads(void)
{
    if (until_search-- > 0) {
        return;
    }
    bool one_outlives_its_guard = false;
    for (Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        thread->was_seen = !thread->of_main_interpreter;
    }
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        Thread *thread = thread_of(ts);
        if (thread != NULL) {
            thread->was_seen = true;
            one_outlives_its_guard |= thread->outlives_guard;
        }
    }
    until_search = one_outlives_its_guard ? thread_count() / 8 : thread_count() + 8;
    for (Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        if (!thread->was_seen) {
            thread_end(thread);     /* which may run anything */
            thread = NULL;
        }
    }
}

/* Fills in a new thread. Takes its main greenlet over. */
static void
thread_begin(Thread *thread, PyThreadState *ts, Greenlet *main)
{
    main->state->slice.stop = STACK_END;
    main->state->thread = thread;
    main_greenlets++;
    static bool one_began;
    several_threads = one_began;
    one_began = true;
    thread->tstate = ts;
    thread->id = tstate_id(ts);
    thread->native_id = PyThread_get_thread_native_id();
    thread->ident = PyThread_get_thread_ident();
    thread->of_main_interpreter = tstate_in_main_interpreter();
    thread->current = (Greenlet *)Py_NewRef(main);
    thread->main = main;
    thread->count = 3;              /* of the guard, the table of threads, the main greenlet */
    thread->was_seen = true;
    thread->outlives_guard = thread->id == last_ended_id;
    if (thread->outlives_guard && until_search > thread_count() / 8) {
        until_search = thread_count() / 8;
    }
    timeline_thread_begin(thread);
    thread_add(thread);
    update_fast_tstate(thread);
}

static Thread *
thread_create(PyThreadState *ts, PyObject *dict)
{
    end_predecessors(ts);
    end_forgotten_threads();
    if (tstate_enter_thread(ts) < 0) {
        return NULL;
    }
    Thread *thread = PyMem_Calloc(1, sizeof *thread);
    Greenlet *main = thread == NULL ? NULL : greenlet_alloc(Public, thread);
    PyObject *guard = thread == NULL ? NULL : PyCapsule_New(thread, guard_name, NULL);
    bool made = main != NULL && guard != NULL && PyDict_SetItem(dict, guard, Py_None) == 0;
    if (!made || thread_find() != NULL) {   /* a finaliser that ran meanwhile has used greenlets */
        if (made && PyDict_DelItem(dict, guard) < 0) {
            PyErr_Clear();
        }
        Py_XDECREF(guard);
        Py_XDECREF(main);
        PyMem_Free(thread);
        if (!made && !PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        return made ? thread_find() : NULL;
    }
    thread_begin(thread, ts, main);
    PyCapsule_SetDestructor(guard, guard_destroy);
    Py_DECREF(guard);
    return thread;
}

Thread *
thread_enter_quietly(void)
{
    Thread *thread = thread_find();
    if (likely(thread != NULL)) {
        return thread;
    }
    PyObject *dict = PyThreadState_GetDict();
    if (dict == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    thread = thread_create(tstate_get(), dict);
    return thread == NULL ? NULL : (last_thread = thread);
}

Thread *
thread_enter(void)
{
    Thread *thread = thread_enter_quietly();
    if (unlikely(there_are_marks && !tstate_collecting(tstate_get()))) {
        unmark_all_generators();    /* the end of that collection was not reported */
    }
    if (unlikely(thread != NULL && (thread->doomed != NULL || thread->unreachable != NULL))) {
        kill_doomed(thread);
    }
    return thread;
}

PyObject *
current_greenlet_slowly(void)
{
    if (tstate_finalizing()) {
        PyErr_SetString(PyExc_RuntimeError, "greenlet is being finalized");
        return NULL;
    }
    Thread *thread = thread_enter();
    return thread == NULL ? NULL : Py_NewRef((PyObject *)thread->current);
}
