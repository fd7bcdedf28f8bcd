/* On CPython 3.11 and 3.12 the innermost frame is found by the innermost run of the eval loop,
 * which is a structure on the C stack. */
#define HAVE_TSTATE_RUNNING_FRAME
static inline const void *
tstate_running_frame(PyThreadState *ts, tstate_reader read)
{
    const _PyCFrame *run;
    const void *frame;
    if (!read(&run, &ts->cframe, sizeof run)
        || !read(&frame, &run->current_frame, sizeof frame)) {
        return NULL;
    }
    return frame;
}
