/* The functions that switchlib/_mechanism.py declares. */
#include "../mechanism.h"

#include "adopt.h"
#include "capi.h"
#include "collector.h"
#include "constants.h"
#include "decision.h"
#include "dump_signals.h"
#include "enter.h"
#include "kill.h"
#include "object.h"
#include "properties.h"
#include "slow.h"
#include "soon.h"
#include "stacks.h"
#include "timeline.h"
#include "type.h"
#include "watch.h"

static PyObject *
getcurrent(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return current_greenlet();
}

/* Like getcurrent, but it also works while the interpreter shuts down, and kills nothing. */
static PyObject *
running(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Thread *thread = thread_enter_quietly();
    return thread == NULL ? NULL : Py_NewRef((PyObject *)thread->current);
}

static PyObject *
gettrace(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Thread *thread = thread_enter();
    return thread == NULL ? NULL : Py_NewRef(thread->tracer == NULL ? Py_None : thread->tracer);
}

static PyObject *
settrace(PyObject *Py_UNUSED(module), PyObject *callback)
{
    Thread *thread = thread_enter();
    if (thread == NULL) {
        return NULL;
    }
    PyObject *old = thread->tracer;
    thread->tracer = callback == Py_None ? NULL : Py_NewRef(callback);
    update_fast_tstate(thread);
    return old == NULL ? Py_NewRef(Py_None) : old;
}

static PyObject *
replace_watchers(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *before, *after;
    if (!PyArg_ParseTuple(args, "OO:replace_watchers", &before, &after)) {
        return NULL;
    }
    int replaced = watchers_replace(before, after);
    choose_vectorcall();
    return replaced < 0 ? NULL : PyBool_FromLong(replaced);
}

static PyObject *
start_timeline(PyObject *module, PyObject *args)
{
    PyObject *none = timeline_start(module, args);
    choose_vectorcall();
    return none;
}

static PyObject *
stop_timeline(PyObject *module, PyObject *counts_on)
{
    PyObject *taken = timeline_stop(module, counts_on);
    choose_vectorcall();
    return taken;
}

static PyObject *
mark(PyObject *module, PyObject *text)
{
    bool is_on = watched_events & RECORDED_EVENTS;
    return is_on && thread_enter_quietly() == NULL ? NULL : timeline_mark(module, text);
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
    update_all_fast_tstates();
    return before;
}

/* The questions that the policy asks take one greenlet. They never look at anything that a
 * subclass could override. */

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
    return PyBool_FromLong(
        g->state->slice.start != NULL && is_thread_of(g->state->thread, tstate_get()));
}

static PyObject *
state_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    if (g == NULL) {
        return NULL;
    }
    PyObject *word = is_unstarted(g->state) ? unstarted_word
        : is_current(g)                     ? current_word
        : is_suspended(g->state)            ? suspended_word
                                            : dead_word;
    return Py_NewRef(word);
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
thread_ident(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    if (g == NULL) {
        return NULL;
    }
    const Thread *thread = g->state->thread;
    return thread == NULL ? Py_NewRef(Py_None) : PyLong_FromUnsignedLong(thread->ident);
}

static PyObject *
begun_run_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    Greenlet *g = greenlet_argument(object);
    if (g == NULL) {
        return NULL;
    }
    PyObject *run = begun_run(g->state);
    return Py_NewRef(run == NULL ? Py_None : run);
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
            PyErr_SetString(
                PyExc_ValueError,
                "cannot get context of a greenlet that is running in a different thread");
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
        PyErr_SetString(PyExc_ValueError,
                        "cannot set context of a greenlet that is running in a different thread");
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
                         (unsigned long long)(uintptr_t)start,
                         (unsigned long long)(uintptr_t)slice->stop,
                         (unsigned long long)slice->saved, (unsigned long long)slice->capacity,
                         (unsigned long long)(uintptr_t)slice->prev);
}

static PyObject *
count_main_greenlets(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSsize_t(main_greenlets);
}

static PyObject *
py_count_doomed(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t n = 0;
    for (const Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        n += count_doomed(thread->doomed) + count_doomed(thread->unreachable);
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
    watchers_clear();
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"c_api", c_api, METH_NOARGS, NULL},
    {"adopt", adopt, METH_VARARGS, NULL},
    {"store_module", store_module, METH_O, NULL},
    {"close_down", close_down, METH_NOARGS, NULL},
    {"getcurrent", getcurrent, METH_NOARGS,
     "getcurrent()\n--\n\nReturn the greenlet that calls this function."},
    {"gettrace", gettrace, METH_NOARGS,
     "gettrace()\n--\n\nReturn the function that traces switches of this thread, or None."},
    {"settrace", settrace, METH_O,
     "settrace(callback, /)\n--\n\n"
     "Trace the switches of this thread by callback(event, (origin, target)); event is 'switch'\n"
     "or 'throw'. It is called in the target. None ends tracing. An exception in the callback\n"
     "also ends it, and is raised in the target. Returns the previous callback, or None."},
    {"watchers", watchers_list, METH_NOARGS, NULL},
    {"replace_watchers", replace_watchers, METH_VARARGS, NULL},
    {"shortcuts", set_shortcuts, METH_O, NULL},
    {"running", running, METH_NOARGS, NULL},
    {"ready", ready, METH_O, NULL},
    {"state_of", state_of, METH_O, NULL},
    {"parent_of", parent_of, METH_O, NULL},
    {"main_of", main_of, METH_O, NULL},
    {"run_of", run_of, METH_O, NULL},
    {"thread_ident", thread_ident, METH_O, NULL},
    {"begun_run_of", begun_run_of, METH_O, NULL},
    {"is_main", py_is_main, METH_O, NULL},
    {"store_parent", py_store_parent, METH_VARARGS, NULL},
    {"store_run", store_run, METH_VARARGS, NULL},
    {"load_context", load_context, METH_O, NULL},
    {"store_context", py_store_context, METH_VARARGS, NULL},
    {"slice_of", slice_of, METH_O, NULL},
    {"count_main_greenlets", count_main_greenlets, METH_NOARGS, NULL},
    {"count_doomed", py_count_doomed, METH_NOARGS, NULL},
    {"set_thread_local", set_thread_local, METH_VARARGS, NULL},
    {"all_greenlets", all_greenlets, METH_NOARGS,
     "all_greenlets()\n--\n\n"
     "Return a list of all greenlets of all threads that have not been freed, main greenlets\n"
     "included: those of one thread after those of another, the oldest first, and last those of\n"
     "threads that have ended."},
    {"stack_of", stack_of, METH_O, NULL},
    {"dump_on_signal", dump_on_signal, METH_VARARGS, NULL},
    {"stop_dump_on_signal", stop_dump_on_signal, METH_O, NULL},
    {"dump_on_fatal_error", dump_on_fatal_error, METH_O, NULL},
    {"stop_dump_on_fatal_error", stop_dump_on_fatal_error, METH_NOARGS, NULL},
    {"timeline_start", start_timeline, METH_VARARGS, NULL},
    {"timeline_stop", stop_timeline, METH_O, NULL},
    {"slow_start", slow_start, METH_VARARGS, NULL},
    {"slow_stop", slow_stop, METH_NOARGS, NULL},
    {"timeline_counts", timeline_counts, METH_NOARGS, NULL},
    {"mark", mark, METH_O,
     "mark(text, /)\n--\n\n"
     "Put a mark into the timeline, at this time and in the current greenlet. Does nothing if no\n"
     "timeline is being recorded. Raises TypeError if the text is not a str."},
    {"label", timeline_label, METH_VARARGS,
     "label(value, text, /)\n--\n\n"
     "Return the value. If the timeline shows a switch that passes this object, it shows the\n"
     "text, too. Some 1000 objects are remembered, and kept alive, while a timeline is being\n"
     "recorded. Raises TypeError if the text is not a str."},
    {"trash_nesting", trash_nesting, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* Puts functions into the dict of a module. -1 with an exception set if that fails. They are
 * bound to the module like those of an extension module, so that profilers show them as such. */
static int
add_functions(PyObject *namespace, PyMethodDef *defs, PyObject *module_name)
{
    PyObject *module = PyImport_GetModule(PyDict_GetItemString(namespace, "__name__"));
    if (module == NULL) {
        return -1;
    }
    for (PyMethodDef *def = defs; def->ml_name != NULL; def++) {
        PyObject *function = PyCFunction_NewEx(def, module, module_name);
        if (function == NULL || PyDict_SetItemString(namespace, def->ml_name, function) < 0) {
            return -1;
        }
        Py_DECREF(function);
    }
    Py_DECREF(module);
    return 0;
}

static PyObject *
fill(PyObject *Py_UNUSED(module), PyObject *namespace)
{
    if (Base != NULL || PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError,
                        "switchlib can be loaded once in a process, by the main interpreter");
        return NULL;
    }
    if (!tstate_matches_interpreter()) {
        PyErr_Format(PyExc_ImportError,
                     "switchlib was compiled for another release of CPython: for %s, and this is "
                     "%s, whose structures differ. Build and install it again.",
                     PY_VERSION, Py_GetVersion());
        return NULL;
    }
    if (constants_make() < 0 || decisions_make(namespace) < 0 || watch_install(namespace) < 0) {
        return NULL;
    }
    PyObject *module_name = PyUnicode_FromString("switchlib");
    if (add_functions(namespace, functions, module_name) < 0) {
        return NULL;
    }
#ifdef SWITCHLIB_POINTS
    if (add_functions(namespace, point_functions, module_name) < 0) {
        return NULL;
    }
#endif
    int listening = collector_listen(module_name, kill_soon);
    Py_XDECREF(module_name);
    if (listening < 0 || callee_install() < 0 || object_install() < 0 || base_type_make() < 0
        || tstate_install() < 0
        || PyDict_SetItemString(namespace, "Base", (PyObject *)Base) < 0) {
        return NULL;
    }
    blocks_install();
    stack_memory = (struct stack_memory){block_alloc, block_free};
    Py_RETURN_NONE;
}

static PyMethodDef fill_function = {"fill", fill, METH_O, NULL};

int
mechanism_open(uintptr_t namespace_id)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *function = PyCFunction_New(&fill_function, NULL);
    PyObject *namespace = (PyObject *)namespace_id;
    int status = function == NULL ? -1 : PyDict_SetItemString(namespace, "fill", function);
    Py_XDECREF(function);
    PyErr_Clear();
    PyGILState_Release(gil);
    return status;
}
