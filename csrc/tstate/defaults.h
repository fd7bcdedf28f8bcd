/* The functions of ../tstate.h that most versions share. Where a version, or a file that it
 * includes, has its own, a macro HAVE_TSTATE_... says so, and the default is left out. */

/* ------------------------------------------------------------------ once a process, and threads */

static inline uint64_t
tstate_id(PyThreadState *ts)
{
    return ts->id;
}

#ifndef HAVE_TSTATE_IN_MAIN_INTERPRETER
static inline int
tstate_in_main_interpreter(void)
{
    PyThreadState *ts = PyThreadState_GetUnchecked();
    return ts != NULL && PyThreadState_GetInterpreter(ts) == PyInterpreterState_Main();
}
#endif

#ifndef HAVE_TSTATE_CONTEXT_WATCHERS
static inline void
context_watchers_find(void)
{
}

static inline bool
tstate_context_is_watched(void)
{
    return false;
}

static inline void
tstate_report_context(PyThreadState *Py_UNUSED(ts))
{
}
#endif

#ifndef HAVE_TSTATE_INSTALL
static inline int
tstate_install(void)
{
    chunk_cache_install(tstate_in_main_interpreter);
    context_watchers_find();
    return stack_floor_install();
}
#endif

#ifndef HAVE_TSTATE_BASE_FRAME
static inline int
tstate_enter_thread(PyThreadState *Py_UNUSED(ts))
{
    return 0;
}

static inline void
tstate_leave_thread(PyThreadState *Py_UNUSED(ts))
{
}

static inline void
tstate_detach_base_frame(PyThreadState *Py_UNUSED(ts))
{
}
#endif

/* -------------------------------------------------------------------------- the life of a stack */

#ifndef HAVE_TSTATE_COPIES_ARGS_FIRST
static inline int
tstate_copies_args_first(PyObject *Py_UNUSED(run), Py_ssize_t Py_UNUSED(nargs))
{
    return 1;                       /* the collector runs between bytecodes only: gh-97922 */
}
#endif

#ifndef HAVE_TSTATE_PREPARE
static inline int
tstate_prepare(tstate_slice *slice, PyThreadState *Py_UNUSED(ts), Callee callee)
{
    return datastack_prepare(&slice->data, callee);
}
#endif

#ifndef HAVE_TSTATE_END
static inline void
tstate_end(tstate_slice *slice, PyThreadState *ts)
{
    datastack_end(&slice->data, ts);
    slice->context = ts->context;
    slice->frame = NULL;
}
#endif

#ifndef HAVE_TSTATE_ABANDON
static inline void
tstate_abandon(tstate_slice *slice)
{
    frames_abandon(&slice->frame, &slice->data);
}
#endif

/* --------------------------------------------------------------------------- what a slice holds */

#ifndef HAVE_TSTATE_FRAME
static inline PyObject *
tstate_frame(tstate_slice *slice, PyThreadState *ts)
{
    return frames_innermost(slice->frame, &ts->current_frame, ts);
}
#endif

static inline PyObject **
tstate_context(tstate_slice *slice, PyThreadState *ts)
{
    return ts != NULL ? &ts->context : &slice->context;
}

static inline void
tstate_context_changed(PyThreadState *ts)
{
    ts->context_ver++;
}

static inline int
tstate_visit_generators(tstate_slice *slice, visitproc visit, void *arg)
{
    return frames_visit_generators(slice->frame, visit, arg);
}

#ifndef HAVE_TSTATE_TRAVERSE
static inline int
tstate_traverse(tstate_slice *slice, int with_frames, visitproc visit, void *arg)
{
    Py_VISIT(slice->context);
    Py_VISIT(slice->exc_state.exc_value);
    return with_frames ? frames_traverse(slice->frame, visit, arg) : 0;
}

static inline void
tstate_clear(tstate_slice *slice)
{
    Py_CLEAR(slice->context);
    Py_CLEAR(slice->exc_state.exc_value);
}
#endif

#include "read_frames.h"

/* -------------------------------------------------------------------------------------- tracing */

#ifndef HAVE_TSTATE_MUTE
static inline void
tstate_mute(PyThreadState *ts)
{
    ts->tracing++;
}

static inline void
tstate_unmute(PyThreadState *ts)
{
    ts->tracing--;
}
#endif

/* ---------------------------------------------------------------- what the interpreter is doing */

static inline int
tstate_collecting(PyThreadState *ts)
{
    return ts->interp->gc.collecting;
}

static inline bool
tstate_is_finalized(PyObject *object)
{
    return PyObject_GC_IsFinalized(object);
}

static inline void
tstate_set_finalized(PyObject *object, bool finalized)
{
    const uintptr_t mark = _PyGC_PREV_MASK_FINALIZED;
    uintptr_t *word = &((PyGC_Head *)object - 1)->_gc_prev;
    *word = finalized ? *word | mark : *word & ~mark;
}

#ifndef HAVE_TSTATE_CALL_SOON
static inline int
tstate_call_soon(int (*function)(void *), bool in_main_thread)
{
    return in_main_thread ? Py_AddPendingCall(function, NULL)
                          : _PyEval_AddPendingCall(PyInterpreterState_Main(), function, NULL, 0);
}
#endif

#ifndef HAVE_TSTATE_FINALIZING
static inline int
tstate_finalizing(void)
{
    return Py_IsFinalizing();
}
#endif

#ifndef HAVE_TSTATE_TRASH_NESTING
static inline int
tstate_trash_nesting(PyThreadState *Py_UNUSED(ts))
{
    return 0;                       /* the trash can goes by how much C stack is left */
}
#endif

#ifndef TSTATE_DICT_SPEEDS_METHODS
#  define TSTATE_DICT_SPEEDS_METHODS 0
#endif
