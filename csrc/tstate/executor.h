/* The code of the JIT in which a stack stands, from CPython 3.14 on. The struct tstate_slice comes
 * before this.
 *
 * The interpreter does not free an executor that is the current one of a thread
 * (_Py_ClearExecutorDeletionList in Python/optimizer.c), but sees none of suspended greenlets. So
 * each of these owns its own, as `executor`, which tstate_save and tstate_restore see to. */

#define HAVE_TSTATE_ABANDON
static inline void
tstate_abandon(tstate_slice *slice)
{
    Py_CLEAR(slice->executor);
    frames_abandon(&slice->frame, &slice->data);
}
