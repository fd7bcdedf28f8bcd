/* The frames of CPython 3.10: objects, each of which owns the next one outwards. So whoever holds
 * one cannot reach what is gone. The struct tstate_slice comes before this. */

#define HAVE_TSTATE_FRAME
static inline PyObject *
tstate_frame(tstate_slice *slice, PyThreadState *Py_UNUSED(ts))
{
    return slice->frame == NULL ? Py_NewRef(Py_None) : Py_NewRef((PyObject *)slice->frame);
}

/* Visits what the frames of a suspended stack own. Frames of calls are not tracked by the collector
 * before they have been left, so nothing else visits what they have, whatever holds them. Those
 * of generators are tracked, and so is one that C code made for a call. */
static inline int
frames_traverse(PyFrameObject *innermost, visitproc visit, void *arg)
{
    int result = 0;
    for (PyFrameObject *frame = innermost; frame != NULL && result == 0; frame = frame->f_back) {
        if (!PyObject_GC_IsTracked((PyObject *)frame)) {
            result = PyFrame_Type.tp_traverse((PyObject *)frame, visit, arg);
        }
    }
    return result;
}

/* Calls `visit` with each generator, coroutine and asynchronous generator that runs there. */
static inline int
frames_visit_generators(PyFrameObject *innermost, visitproc visit, void *arg)
{
    for (PyFrameObject *frame = innermost; frame != NULL; frame = frame->f_back) {
        Py_VISIT(frame->f_gen);
    }
    return 0;
}

/* A call owned its frame, a generator owns its own. What lay on the evaluation stacks is out of
 * reach: their depth was in a register. */
#define HAVE_TSTATE_ABANDON
static inline void
tstate_abandon(tstate_slice *slice)
{
    PyObject *frame = Py_XNewRef((PyObject *)slice->frame);
    slice->frame = NULL;
    while (frame != NULL) {
        PyFrameObject *each = (PyFrameObject *)frame;
        PyObject *back = Py_XNewRef((PyObject *)each->f_back);
        if (each->f_gen != NULL) {
            Py_CLEAR(each->f_back);     /* the generator may be held, and its frame looked at */
        }
        else {
            Py_DECREF(frame);
        }
        Py_DECREF(frame);
        frame = back;
    }
}
