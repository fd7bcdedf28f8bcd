/* Entry frames on CPython 3.12, in addition to entries.h, which comes first.
 *
 * Each run of the eval loop (_PyEval_EvalFrameDefault) has two structures of its own on the C
 * stack: a _PyCFrame, which leads to that of the next run, and the entry frame. The entry frame
 * is in the chain of frames, between the outermost frame of the run and the frame that called
 * it. */

/* The outermost frame of all, if it is the first of the data stack; otherwise NULL. */
static inline _PyInterpreterFrame *
outermost_frame(PyThreadState *ts)
{
    _PyStackChunk *chunk = ts->datastack_chunk;
    PyObject **top = ts->datastack_top;
    while (chunk != NULL && chunk->previous != NULL) {
        chunk = chunk->previous;
        top = &chunk->data[chunk->top];
    }
    if (chunk == NULL || top <= &chunk->data[1]) {
        return NULL;
    }
    _PyInterpreterFrame *frame = (_PyInterpreterFrame *)&chunk->data[1];
    if (frame->prev_instr < _PyCode_CODE(frame->f_code)) {
        return NULL;                /* its locals are being made, and it is not in the chain yet */
    }
    /* Only the last run's entry frame leads nowhere. */
    return frame->previous->previous == NULL ? frame : NULL;
}

/* Takes the entry frames out of the chain that begins at *link and lists them, as entries_hide
 * does on later versions. There may be several in a row, or one at the front, since a call's
 * locals are cleared after its frame has been left. The last run is most often the longest or
 * the only one. Its frames are not walked through, so that the cost of a switch does not depend
 * on how deep a greenlet is. */
static inline void
entries_hide_by_runs(_PyInterpreterFrame **link, _PyInterpreterFrame **entries, PyThreadState *ts)
{
    _PyCFrame *run = ts->cframe;
    _PyInterpreterFrame *frame;
    *entries = NULL;
    while ((frame = *link) != NULL) {
        if (frame->owner == ENTRY_FRAME_OWNER) {
            *entries = entry_take(link, *entries);
            run = run->previous;
        }
        else if (run->previous != NULL && run->previous->current_frame == NULL) {
            _PyInterpreterFrame *outermost = outermost_frame(ts);
            link = outermost == NULL ? &frame->previous : &outermost->previous;
            run = &ts->root_cframe;     /* this was the last */
        }
        else {
            link = &frame->previous;
        }
    }
}
