/* The instrumentation of suspended code, from CPython 3.13 on. The struct tstate_slice comes before
 * this; frame_instrument after it, in the version's file or opcode_trace.h.
 *
 * When events of sys.monitoring, sys.settrace or sys.setprofile are turned on or off, the
 * interpreter instruments the code of all running frames, and code that begins or a generator that
 * is resumed looks for itself, unless trace functions are muted. A suspended greenlet is neither,
 * and one that a trace function started is no longer muted when it is resumed. So its code is
 * instrumented before that. The version of what is on lies above the flags of eval_breaker. */

/* A version that there is none of: the flags have its lowest bits. */
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
