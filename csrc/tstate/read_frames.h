/* Reading frames without changing anything, and without trusting any address; see ../tstate.h.
 * frames.h or frames_310.h comes before this, and the line table's file. */

#ifndef HAVE_TSTATE_RUNNING_FRAME
static inline const void *
tstate_running_frame(PyThreadState *ts, tstate_reader read)
{
    const void *frame;
    return read(&frame, &ts->current_frame, sizeof frame) ? frame : NULL;
}
#endif

#ifndef HAVE_TSTATE_READ_FRAME
/* The reference to the code has a tag in its lowest bits since 3.14. */
#define FRAME_TAG_BITS ((uintptr_t)3)

static inline bool
tstate_read_frame(const void *address, tstate_reader read, tstate_frame_entry *entry)
{
    _PyInterpreterFrame frame;
    if (!read(&frame, address, offsetof(_PyInterpreterFrame, localsplus))) {
        return false;
    }
    uintptr_t code;
    memcpy(&code, &frame.FRAME_CODE, sizeof code);
    code &= ~FRAME_TAG_BITS;
    entry->previous = frame.previous;
#ifdef ENTRY_FRAME_OWNER
    if (frame.owner == ENTRY_FRAME_OWNER) {
        code = 0;
    }
#endif
    entry->code = (PyCodeObject *)code;
    uintptr_t first = code + offsetof(PyCodeObject, co_code_adaptive);
    entry->instruction = (int)((intptr_t)((uintptr_t)frame.FRAME_INSTRUCTION - first));
    return true;
}
#endif
