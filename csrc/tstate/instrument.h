/* The instrumentation of suspended code, from CPython 3.13 on. The struct tstate_slice comes before
 * this, and frame_instrument after it, in the version's file or opcode_trace.h.
 *
 * When events of sys.monitoring, sys.settrace or sys.setprofile are turned on or off, the
 * interpreter instruments the code of all running frames. Code that begins, and a generator that
 * is resumed, check it themselves, unless trace functions are muted. None of this reaches a
 * suspended greenlet, or one that a trace function started, which is no longer muted when it
 * resumes. So its code is instrumented before it resumes. eval_breaker has the version of the
 * instrumentation, above its flags. */

/* A version that does not exist: the lowest bits belong to the flags. */
#define NEVER_INSTRUMENTED ((uintptr_t)1)

static inline uintptr_t
tstate_instrumentation(PyThreadState *ts)
{
    return ts->eval_breaker & ~(uintptr_t)_PY_EVAL_EVENTS_MASK;
}

/* Instruments the code of a frame unless it is up to date. -1 if there is no memory; the exception
 * that is set stays. */
static int frame_instrument(_PyInterpreterFrame *frame, PyThreadState *ts);

static __attribute__((noinline, unused)) int
tstate_instrument(tstate_slice *slice, PyThreadState *ts)
{
    for (_PyInterpreterFrame *frame = slice->frame; frame != NULL; frame = frame->previous) {
        if (frame_instrument(frame, ts) < 0) {
            return -1;
        }
    }
    return 0;
}

static inline int
tstate_catch_up(tstate_slice *slice, PyThreadState *ts)
{
    return slice->instrumentation == tstate_instrumentation(ts) ? 0 : tstate_instrument(slice, ts);
}

/* For monitoring.h. */
static inline uint64_t
tstate_events_version(PyThreadState *ts)
{
    return tstate_instrumentation(ts);
}
