#include "stacks.h"

/* What is found, before there is a list of it. The list's memory may let the collector run, and its
 * finalisers may change everything. Here nothing runs while things are being collected. */
typedef struct Found {
    PyObject **objects;             /* owned */
    int *numbers;                   /* NULL if there are none */
    Py_ssize_t count, room;
} Found;

static bool
found_grow(Found *found, bool with_numbers)
{
    Py_ssize_t room = found->room == 0 ? 32 : found->room * 2;
    PyObject **objects = PyMem_Realloc(found->objects, (size_t)room * sizeof *objects);
    if (objects == NULL) {
        return false;
    }
    found->objects = objects;
    if (with_numbers) {
        int *numbers = PyMem_Realloc(found->numbers, (size_t)room * sizeof *numbers);
        if (numbers == NULL) {
            return false;
        }
        found->numbers = numbers;
    }
    found->room = room;
    return true;
}

static void
found_drop(Found *found)
{
    for (Py_ssize_t i = 0; i < found->count; i++) {
        Py_DECREF(found->objects[i]);
    }
    PyMem_Free(found->objects);
    PyMem_Free(found->numbers);
}

/* ------------------------------------------------------------------------------- all greenlets */

/* Those in a list, the oldest first. */
static bool
find_listed(Found *found, Greenlet *first)
{
    Py_ssize_t begin = found->count;
    for (Greenlet *g = first; g != NULL; g = g->state->next_listed) {
        if (Py_REFCNT(g) == 0) {
            continue;               /* it is being freed */
        }
        if (found->count == found->room && !found_grow(found, false)) {
            return false;
        }
        found->objects[found->count++] = Py_NewRef((PyObject *)g);
    }
    for (Py_ssize_t end = found->count - 1; begin < end; begin++, end--) {
        PyObject *swapped = found->objects[begin];
        found->objects[begin] = found->objects[end];
        found->objects[end] = swapped;
    }
    return true;
}

/* The thread of the main interpreter that has the lowest number above this one. */
static const Thread *
next_by_id(const Thread *before)
{
    const Thread *next = NULL;
    for (const Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        if (thread->of_main_interpreter && (before == NULL || thread->id > before->id)
            && (next == NULL || thread->id < next->id)) {
            next = thread;
        }
    }
    return next;
}

static bool
find_all(Found *found)
{
    for (const Thread *thread = NULL; (thread = next_by_id(thread)) != NULL;) {
        if (!find_listed(found, thread->listed)) {
            return false;
        }
    }
    return find_listed(found, of_ended_threads);
}

PyObject *
all_greenlets(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Found found = {0};
    PyObject *list = NULL;
    if (!find_all(&found)) {
        PyErr_NoMemory();
    }
    else {
        list = PyList_New(found.count);
    }
    for (Py_ssize_t i = 0; list != NULL && i < found.count; i++) {
        PyList_SET_ITEM(list, i, Py_NewRef(found.objects[i]));
    }
    found_drop(&found);
    return list;
}

/* -------------------------------------------------------------------------------------- a stack */

/* With the GIL held, what frames lead to is there. */
static bool
read_directly(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    return true;
}

static const void *
innermost_of(const Greenlet *g)
{
    const State *state = g->state;
    if (is_unstarted(state)) {
        return NULL;
    }
    if (is_current(g)) {
        return tstate_running_frame(state->thread->tstate, read_directly);
    }
    return is_suspended(state) ? (const void *)state->tstate.frame : NULL;
}

static bool
find_frames(Found *found, const void *frame)
{
    tstate_frame_entry entry;
    for (; frame != NULL; frame = entry.previous) {
        tstate_read_frame(frame, read_directly, &entry);
        if (entry.code == NULL) {
            continue;
        }
        if (found->count == found->room && !found_grow(found, true)) {
            return false;
        }
        found->objects[found->count] = Py_NewRef((PyObject *)entry.code);
        found->numbers[found->count++] = tstate_line(entry.code, entry.instruction, read_directly);
    }
    return true;
}

/* Pairs of code object and line, the innermost last. A line of -1 means none. */
PyObject *
stack_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    if (!is_greenlet(object)) {
        PyErr_Format(PyExc_TypeError, "expected a greenlet, not %.200s",
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    Found found = {0};
    PyObject *list = NULL;
    if (!find_frames(&found, innermost_of((Greenlet *)object))) {
        PyErr_NoMemory();
    }
    else {
        list = PyList_New(found.count);
    }
    for (Py_ssize_t i = 0; list != NULL && i < found.count; i++) {
        Py_ssize_t from = found.count - 1 - i;
        PyObject *pair = Py_BuildValue("(Oi)", found.objects[from], found.numbers[from]);
        if (pair == NULL) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, i, pair);
    }
    found_drop(&found);
    return list;
}
