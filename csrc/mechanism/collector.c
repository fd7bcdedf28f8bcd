#include "collector.h"

#include "marks.h"

static PyObject *listeners;         /* gc.callbacks */
static PyObject *listener;          /* our function among them */
static PyObject *get_stats;         /* gc.get_stats */
static void (*when_over)(void);

/* Where the last collection began: only to be compared. */
static PyThreadState *collecting_thread;        /* NULL if it is not known */
static const Greenlet *collecting_greenlet;     /* NULL in a thread that had none yet */
/* How many collections there were before; -1 if our listener came first. */
static long collecting_number;
static bool left_work;              /* there is something to do when the collection is over */

/* The list belongs to the program. Only the first function in it is sure to be called each time:
 * when one removes itself from the list, the next is skipped. */
static bool
is_listening_first(void)
{
    return PyList_GET_SIZE(listeners) > 0 && PyList_GET_ITEM(listeners, 0) == listener;
}

/* How many collections are over; -1 if that cannot be found out. */
static long
count_collections(void)
{
    long sum = 0;
    PyObject *stats = PyObject_CallNoArgs(get_stats);
    for (Py_ssize_t i = 0; stats != NULL && i < PyList_GET_SIZE(stats); i++) {
        PyObject *number = PyDict_GetItemString(PyList_GET_ITEM(stats, i), "collections");
        sum += number == NULL ? 0 : PyLong_AsLong(number);
    }
    if (stats == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(stats);
    return sum;
}

/* The collector itself is not over yet: it has other callbacks to call. */
static void
report_end(void)
{
    if (left_work) {
        left_work = false;
        when_over();
    }
}

void
collector_leaves_work(void)
{
    left_work = true;
    if (collecting_thread == NULL || !is_listening_first()) {
        report_end();
    }
}

static PyObject *
listen(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    bool starts = nargs > 0 && PyUnicode_Check(args[0])
        && PyUnicode_CompareWithASCIIString(args[0], "start") == 0;
    collecting_thread = NULL;
    if (!starts) {
        unmark_all_generators();
        report_end();
    }
    else {
        Thread *thread = thread_find();
        collecting_number = is_listening_first() ? -1 : count_collections();
        collecting_greenlet = thread == NULL ? NULL : thread->current;
        collecting_thread = collecting_number < 0 && !is_listening_first() ? NULL : tstate_get();
    }
    Py_RETURN_NONE;
}

/* Whether what was noted belongs to the collection that is under way. It may belong to an
 * earlier one whose end was not reported. */
static bool
is_noted(void)
{
    if (collecting_thread == NULL) {
        return false;
    }
    return collecting_number < 0 ? is_listening_first() : count_collections() == collecting_number;
}

static PyMethodDef listen_function = {
    "note_collection", (PyCFunction)(void (*)(void))listen, METH_FASTCALL,
    "note_collection(phase, info, /)\n--\n\n"
    "For gc.callbacks: notes in which greenlet the collector stands."};

int
collector_listen(PyObject *module_name, void (*over)(void))
{
    when_over = over;
    PyObject *gc = PyImport_ImportModule("gc");
    listeners = gc == NULL ? NULL : PyObject_GetAttrString(gc, "callbacks");
    get_stats = gc == NULL ? NULL : PyObject_GetAttrString(gc, "get_stats");
    Py_XDECREF(gc);
    if (listeners == NULL || get_stats == NULL || !PyList_Check(listeners)) {
        return -1;
    }
    listener = PyCFunction_NewEx(&listen_function, NULL, module_name);
    return listener == NULL ? -1 : PyList_Insert(listeners, 0, listener);
}

bool
collector_is_here(const Thread *running)
{
    PyThreadState *ts = tstate_get();
    if (!tstate_collecting(ts)) {
        collecting_thread = NULL;
        return false;
    }
    if (!is_noted()) {
        return true;                /* for all that is known */
    }
    if (collecting_thread != ts || running == NULL) {
        return collecting_thread == ts;
    }
    return running->current == (collecting_greenlet == NULL ? running->main : collecting_greenlet);
}
