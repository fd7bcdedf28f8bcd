#include "watch.h"

#include "constants.h"

static PyObject *watchers;          /* a tuple of pairs: a callable, and its mask */
static PyTypeObject *event_type;

static PyStructSequence_Field event_fields[] = {
    {"name", "\"create\", \"start\", \"switch\", \"throw\" or \"end\""},
    {"greenlet", "the greenlet that was made, is switched to, or ends"},
    {"origin", "the greenlet that made it, or was left for it; None at its end"},
    {"run", "start: the function that is called in it"},
    {"value", "switch: what its call of switch returns; end: what run returned"},
    {"exception", "throw: what is raised in it; end: what ended it"},
    {NULL, NULL},
};

static PyStructSequence_Desc event_description = {
    .name = "switchlib.GreenletEvent",
    .doc = "What a watcher is given. Details that an event does not have are None.",
    .fields = event_fields,
    .n_in_sequence = 6,
};

/* -------------------------------------------------------------------------- the set of watchers */

static int
mask_of(PyObject *pair)
{
    return (int)PyLong_AsLong(PyTuple_GET_ITEM(pair, 1));
}

static bool
is_pair(PyObject *object)
{
    if (!PyTuple_CheckExact(object) || PyTuple_GET_SIZE(object) != 2
        || !PyCallable_Check(PyTuple_GET_ITEM(object, 0))
        || !PyLong_CheckExact(PyTuple_GET_ITEM(object, 1))) {
        return false;
    }
    int overflow;
    long mask = PyLong_AsLongAndOverflow(PyTuple_GET_ITEM(object, 1), &overflow);
    return mask >= 0 && mask < 2 * ENDED && !overflow;
}

/* Takes the tuple over. */
static void
store_watchers(PyObject *tuple)
{
    PyObject *old = watchers;
    watchers = tuple;
    watched_events &= RECORDED_EVENTS;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        watched_events |= mask_of(PyTuple_GET_ITEM(tuple, i));
    }
    update_all_fast_tstates();
    Py_DECREF(old);                 /* last: it may run anything */
}

PyObject *
watchers_list(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(watchers);
}

int
watchers_replace(PyObject *before, PyObject *after)
{
    bool valid = PyTuple_CheckExact(after);
    for (Py_ssize_t i = 0; valid && i < PyTuple_GET_SIZE(after); i++) {
        valid = is_pair(PyTuple_GET_ITEM(after, i));
    }
    if (!valid) {
        PyErr_SetString(PyExc_TypeError,
                        "watchers are a tuple of pairs: a callable and a mask of events");
        return -1;
    }
    if (before != watchers) {
        return 0;
    }
    store_watchers(Py_NewRef(after));
    return 1;
}

void
watchers_clear(void)
{
    store_watchers(Py_NewRef(empty_tuple));
}

static bool
is_there(PyObject *pair)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(watchers); i++) {
        if (PyTuple_GET_ITEM(watchers, i) == pair) {
            return true;
        }
    }
    return false;
}

/* Takes one out. If there is no memory, it stays. */
static void
remove_pair(PyObject *pair)
{
    PyObject *before = Py_NewRef(watchers);
    Py_ssize_t size = PyTuple_GET_SIZE(before);
    PyObject *after = is_there(pair) ? PyTuple_New(size - 1) : NULL;
    for (Py_ssize_t i = 0, j = 0; after != NULL && i < size; i++) {
        if (PyTuple_GET_ITEM(before, i) != pair) {
            PyTuple_SET_ITEM(after, j++, Py_NewRef(PyTuple_GET_ITEM(before, i)));
        }
    }
    if (after != NULL && before == watchers) {
        store_watchers(Py_NewRef(after));
    }
    Py_XDECREF(after);
    Py_DECREF(before);
    PyErr_Clear();
}

/* ------------------------------------------------------------------------------------ reporting */

static PyObject *
name_of(Event event)
{
    return event == CREATED ? create_event
        : event == STARTED  ? start_event
        : event == SWITCHED ? switch_event
        : event == THROWN   ? throw_event
                            : end_event;
}

static PyObject *
make_event(Event event, Greenlet *g, Details details)
{
    PyObject *made = PyStructSequence_New(event_type);
    if (made != NULL) {
        PyObject *fields[] = {
            name_of(event),
            (PyObject *)g,
            (PyObject *)details.origin,
            details.run,
            details.value,
            details.exception,
        };
        for (size_t i = 0; i < Py_ARRAY_LENGTH(fields); i++) {
            PyObject *field = fields[i] == NULL ? Py_None : fields[i];
            PyStructSequence_SET_ITEM(made, (Py_ssize_t)i, Py_NewRef(field));
        }
        if (!PyObject_GC_IsTracked(made)) {
            PyObject_GC_Track(made);
        }
    }
    return made;
}

/* One that raises is removed. Otherwise it could report an exception at each switch. */
static void
call_watcher(PyObject *pair, PyObject *event_object)
{
    PyObject *function = PyTuple_GET_ITEM(pair, 0);
    PyObject *args[] = {NULL, event_object};    /* with a place for the self of a bound method */
    PyObject *result = PyObject_Vectorcall(
        function, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    if (result == NULL) {
        PyErr_WriteUnraisable(function);
        remove_pair(pair);
    }
    Py_XDECREF(result);
}

/* A watcher that is removed meanwhile is not called any more. */
static void
call_watchers(Event event, PyObject *event_object)
{
    PyObject *all = Py_NewRef(watchers);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(all); i++) {
        PyObject *pair = PyTuple_GET_ITEM(all, i);
        if ((mask_of(pair) & event) && (all == watchers || is_there(pair))) {
            call_watcher(pair, event_object);
        }
    }
    Py_DECREF(all);
}

void
report(Thread *thread, Event event, Greenlet *g, Details details)
{
    if (!(watched_events & event) || thread->is_reporting || !thread->of_main_interpreter) {
        return;
    }
    thread_begin_report(thread);
    PyObject *event_object = make_event(event, g, details);
    if (event_object == NULL) {
        PyErr_WriteUnraisable((PyObject *)event_type);
    }
    else {
        call_watchers(event, event_object);
        Py_DECREF(event_object);
    }
    thread_end_report(thread);
}

/* Calls the thread's tracer, which greenlet defines. */
static int
trace(Thread *thread, Greenlet *origin, Greenlet *target, bool thrown)
{
    PyObject *tracer = Py_NewRef(thread->tracer), *result = NULL;
    PyObject *pair = PyTuple_Pack(2, origin, target);
    if (pair != NULL) {
        PyThreadState *ts = thread->tstate;
        PyObject *args[] = {thrown ? throw_event : switch_event, pair};
        tstate_mute(ts);
        result = PyObject_Vectorcall(tracer, args, 2, NULL);
        tstate_unmute(ts);
        release(pair);
    }
    release(tracer);
    if (result == NULL) {
        tracer = thread->tracer;
        thread->tracer = NULL;
        update_fast_tstate(thread);
        release(tracer);
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

int
report_arrival(Thread *thread, Event event, Greenlet *origin, PyObject *payload)
{
    Greenlet *target = thread->current;
    if (unlikely(tstate_context_is_watched()) && target != origin) {
        tstate_report_context(thread->tstate);
    }
    Details details = {
        .origin = origin,
        .run = event == STARTED ? target->state->run : NULL,
        .value = event == SWITCHED ? payload : NULL,
        .exception = event == THROWN ? payload : NULL,
    };
    report(thread, event, target, details);
    return thread->tracer == NULL ? 0 : trace(thread, origin, target, event == THROWN);
}

int
watch_install(PyObject *namespace)
{
    watchers = Py_NewRef(empty_tuple);
    event_type = PyStructSequence_NewType(&event_description);
    return event_type == NULL
        ? -1
        : PyDict_SetItemString(namespace, "GreenletEvent", (PyObject *)event_type);
}
