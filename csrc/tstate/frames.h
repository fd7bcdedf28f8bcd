/* Frames that will never run again, from CPython 3.11 on. The version file defines frame_clear before it. */

/* Whether somebody kept a frame object, and so still looks into the data stack. */
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

/* Clears the frames of a suspended stack whose thread has ended, from the innermost outwards. */
static inline void
frames_abandon(_PyInterpreterFrame *innermost)
{
    _PyInterpreterFrame *frame, *previous;
    for (frame = innermost; frame != NULL; frame = previous) {
        previous = frame->previous;
        if (frame->owner == FRAME_OWNED_BY_GENERATOR) {
            frame->previous = NULL;     /* somebody may hold the generator and look at its frame */
        }
        else if (frame->owner == FRAME_OWNED_BY_THREAD) {
            frame_clear(frame);
        }
    }
}
