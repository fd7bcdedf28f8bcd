/* The JIT's code in which a stack is suspended, from CPython 3.14 on. The struct tstate_slice comes
 * before this.
 *
 * The interpreter does not free an executor that is the current one of a thread
 * (_Py_ClearExecutorDeletionList in Python/optimizer.c), but it does not see those of suspended
 * greenlets. So each greenlet owns its executor, as `executor`; tstate_save and tstate_restore
 * take care of that. */

#define HAVE_TSTATE_ABANDON
static inline void
tstate_abandon(tstate_slice *slice)
{
    Py_CLEAR(slice->executor);
    frames_abandon(&slice->frame, &slice->data);
}
