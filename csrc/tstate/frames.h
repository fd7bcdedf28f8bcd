/* The frames of a stack that is not running, from CPython 3.11 on. datastack.h comes before it,
 * and also frame_objects.h or frame_stackrefs.h, which deal with a single frame. */

/* The object of such a frame: a new reference. NULL without an exception if there is no frame. A
 * function that is not exported makes frame objects on demand, but PyThreadState_GetFrame calls
 * it for the running frame, which ts has at `running`. From 3.12 on the collector runs only
 * between bytecodes (gh-97922), so not here. */
static inline PyFrameObject *
frame_object(_PyInterpreterFrame *frame, _PyInterpreterFrame **running, PyThreadState *ts)
{
    _PyInterpreterFrame *before = *running;
    *running = frame;
    PyFrameObject *object = PyThreadState_GetFrame(ts);
    *running = before;
    return object;
}

/* What tstate_frame returns for a stack with this innermost frame. */
static inline PyObject *
frames_innermost(_PyInterpreterFrame *frame, _PyInterpreterFrame **running, PyThreadState *ts)
{
    PyObject *object = (PyObject *)frame_object(frame, running, ts);
    return object != NULL || PyErr_Occurred() ? object : Py_NewRef(Py_None);
}

/* Whether all frames in the chain have what they lead to. */
#ifndef FRAMES_ARE_WHOLE
#  define FRAMES_ARE_WHOLE 1
#endif

/* Visits what the frames of a suspended stack own. */
static inline int
frames_traverse(_PyInterpreterFrame *innermost, visitproc visit, void *arg)
{
    int result = 0;
    _PyInterpreterFrame *frame = FRAMES_ARE_WHOLE ? innermost : NULL;
    for (; frame != NULL && result == 0; frame = frame->previous) {
        result = frame_traverse(frame, visit, arg);
    }
    return result;
}

/* Calls `visit` with each generator, coroutine and asynchronous generator that runs there. */
static inline int
frames_visit_generators(_PyInterpreterFrame *innermost, visitproc visit, void *arg)
{
    _PyInterpreterFrame *frame = FRAMES_ARE_WHOLE ? innermost : NULL;
    for (; frame != NULL; frame = frame->previous) {
        if (frame->owner == FRAME_OWNED_BY_GENERATOR) {
            Py_VISIT(frame_generator(frame));
        }
    }
    return 0;
}

/* Whether something kept a frame object, which still looks into the data stack. */
static inline int
frames_are_kept(const _PyInterpreterFrame *innermost)
{
    for (const _PyInterpreterFrame *frame = innermost; frame != NULL; frame = frame->previous) {
        if (frame->frame_obj != NULL && Py_REFCNT(frame->frame_obj) > 1) {
            return 1;
        }
    }
    return 0;
}

/* Clears the frames of a suspended stack whose thread has ended, from the innermost outwards,
 * and frees their data stack, unless a frame object still shows it. Generators clear their own
 * frames when they are dropped. */
static inline void
frames_abandon(_PyInterpreterFrame **innermost, datastack *data)
{
    _PyInterpreterFrame *frame = *innermost, *previous;
    if (frames_are_kept(frame)) {
        return;
    }
    for (*innermost = NULL; frame != NULL; frame = previous) {
        previous = frame->previous;
        frame_record_depth(frame);
        if (frame->owner == FRAME_OWNED_BY_GENERATOR) {
            frame->previous = NULL;     /* the generator, if it is held, shows its frame */
        }
        else if (frame->owner == FRAME_OWNED_BY_THREAD) {
            frame_clear(frame);
        }
    }
    datastack_abandon(data);
}
