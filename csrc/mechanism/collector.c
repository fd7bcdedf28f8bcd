/* In which greenlet the collector stands.
 *
 * Its lists of objects begin in its own C frames. If another stack lay there, an object of such a list that died would
 * unlink itself from what lies there now. So while the collector stands in the current greenlet nothing is killed. But a
 * finaliser that it calls may go to another greenlet, and stay away: from then on those frames are overwritten anyway,
 * and what others drop is killed as ever. (What the collector itself found waits until it is done.) */
#include "parts.h"

static PyObject *listeners;         /* gc.callbacks */
static PyObject *listener;          /* what of them is ours */

/* Where the last collection began: only to be compared, and only true while our listener is told of all. */
static PyThreadState *collecting_thread;
static const Greenlet *collecting_greenlet;     /* NULL in a thread that had none yet */

/* The list is the program's, which may clear it. Only the first in it is sure to be told of all: one before it that takes
 * itself off the list would have it skipped. */
static bool
is_listening(void)
{
    return PyList_GET_SIZE(listeners) > 0 && PyList_GET_ITEM(listeners, 0) == listener;
}

static PyObject *
listen(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    bool starts = nargs > 0 && PyUnicode_Check(args[0]) && PyUnicode_CompareWithASCIIString(args[0], "start") == 0
                  && is_listening();
    Thread *thread = starts ? thread_find(false) : NULL;
    collecting_thread = starts ? tstate_get() : NULL;
    collecting_greenlet = thread == NULL ? NULL : thread->current;
    Py_RETURN_NONE;
}

static PyMethodDef listen_function = {"note_collection", (PyCFunction)(void (*)(void))listen, METH_FASTCALL,
                                      "note_collection(phase, info, /)\n--\n\n"
                                      "For gc.callbacks: notes in which greenlet the collector stands."};

int
collector_listen(PyObject *module_name)
{
    PyObject *gc = PyImport_ImportModule("gc");
    listeners = gc == NULL ? NULL : PyObject_GetAttrString(gc, "callbacks");
    Py_XDECREF(gc);
    if (listeners == NULL || !PyList_Check(listeners)) {
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
    if (collecting_thread == NULL || !is_listening()) {
        return true;                /* for all that is known */
    }
    if (collecting_thread != ts || running == NULL) {
        return collecting_thread == ts;
    }
    return running->current == (collecting_greenlet == NULL ? running->main : collecting_greenlet);
}
