/* The thread state of CPython 3.15; ../tstate.h tells what each function is for.
 *
 * Of the thread, not of a stack, and so left alone: the limits of the C stack (c_stack_top, c_stack_soft_limit,
 * c_stack_hard_limit: all greenlets of a thread run on the same one, and the interpreter compares the stack pointer
 * itself), delete_later (dead containers that wait for a stack with room to be freed on: any will do),
 * datastack_cached_chunk (an empty chunk), last_profiled_frame (its number tells a frame from a later one in its
 * place), generator_return_kind and jit_exit (read before anything else can run), jit_tracer_state (one stack at a
 * time records a trace for the JIT, and goes on with it when it is back), lazy_imports, critical_section and
 * c_stack_refs (in use on free-threaded builds only), the running event loop and task of asyncio,
 * remote_debugger_support, and what is set for a thread as a whole: hooks of coroutines, trace functions,
 * eval_breaker. */
#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE 1
#endif
#undef _PyGC_FINALIZED     /* the internal headers have a macro of that name too */
#include <internal/pycore_ceval.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_interpframe.h>
#include <internal/pycore_stackref.h>

#define DATASTACK_FRAME_BYTES(code) ((size_t)(code)->co_framesize * sizeof(PyObject *))
#include "datastack.h"

#define TSTATE_DICT_SPEEDS_METHODS 0

#define ENTRY_FRAME_OWNER FRAME_OWNED_BY_INTERPRETER

#include "frame_stackrefs.h"
#include "frames.h"
#include "entries.h"
#include "gil.h"
#include "known.h"
#include "known_frames.h"
#include "known_table.h"

typedef struct tstate_slice {
    _PyInterpreterFrame *frame;
    _PyInterpreterFrame *entries;   /* while suspended: those that were taken out of the chain of frames */
    datastack data;
    _PyErr_StackItem *exc_info;
    PyObject *context;
    PyObject *executor;                     /* owned while suspended: the code of the JIT that runs */
    int py_recursion_remaining;
    int py_recursion_limit;
    int recursion_headroom;
    int tracing;                    /* while it runs: what is not its own, but was inherited */
    int what_event;
    uintptr_t instrumentation;              /* its version when the stack was left */
    _PyErr_StackItem exc_state;             /* the bottom of exc_info's chain */
} tstate_slice;

static inline int
tstate_matches_interpreter(void)
{
    const _Py_DebugOffsets *table = &_PyRuntime.debug_offsets;
    return known_table()
        && table->interpreter_frame.stackpointer == offsetof(_PyInterpreterFrame, stackpointer)
        && table->debugger_support.remote_debugger_support == offsetof(PyThreadState, remote_debugger_support)
        && table->interpreter_state.builtins == offsetof(PyInterpreterState, builtins)
        && table->thread_state.base_frame == offsetof(PyThreadState, base_frame)
        && table->err_stackitem.exc_value == offsetof(_PyErr_StackItem, exc_value)
        && gil_known()
        && known_running(tstate_get());
}

static inline void
tstate_install(void)
{
    chunk_cache_install(tstate_in_main_interpreter);
}

static inline int
tstate_copies_args_first(PyObject *Py_UNUSED(run), Py_ssize_t Py_UNUSED(nargs))
{
    return 1;                       /* the collector runs between bytecodes only */
}

static inline int
tstate_prepare(tstate_slice *slice, PyThreadState *Py_UNUSED(ts), Callee callee)
{
    return datastack_prepare(&slice->data, callee);
}

static inline void
tstate_begin(tstate_slice *slice, PyThreadState *ts)
{
    ts->current_frame = ts->base_frame;     /* where a profiler from outside expects every stack to end */
    datastack_begin(&slice->data, ts);
    slice->exc_state.exc_value = NULL;
    slice->exc_state.previous_item = NULL;
    ts->exc_info = &slice->exc_state;
    ts->context = slice->context;
    ts->context_ver++;
    slice->context = NULL;
    ts->current_executor = NULL;
    ts->recursion_headroom = 0;
    slice->tracing = ts->tracing;   /* what is inherited; it ends when this stack is first left */
    ts->what_event = -1;            /* none: a new stack is in no tracer's event */
}

#include "instrument.h"

/* Without it an exception in the frame of a suspended greenlet would end in a NULL pointer. */
static int
frame_instrument(_PyInterpreterFrame *frame, PyThreadState *ts)
{
    return frame == ts->base_frame ? 0 : _Py_Instrument(_PyFrame_GetCode(frame), ts->interp);
}

static inline void
tstate_save(tstate_slice *slice, PyThreadState *ts)
{
    slice->instrumentation = tstate_instrumentation(ts);
    if (__builtin_expect(slice->tracing != 0, 0)) {
        ts->tracing = Py_MAX(ts->tracing - slice->tracing, 0);  /* sys.call_tracing makes it 0 for a while */
        slice->instrumentation = NEVER_INSTRUMENTED;            /* no code was while it inherited that */
    }
    slice->frame = ts->current_frame;
    slice->entries = entries_hide(&slice->frame, ts->base_frame);
    ts->current_frame = ts->base_frame;
    datastack_leave(&slice->data, ts);
    slice->exc_info = ts->exc_info;
    slice->context = ts->context;
    slice->executor = Py_XNewRef(ts->current_executor);
    slice->py_recursion_remaining = ts->py_recursion_remaining;
    slice->py_recursion_limit = ts->py_recursion_limit;
    slice->recursion_headroom = ts->recursion_headroom;
    slice->tracing = ts->tracing;
    slice->what_event = ts->what_event;
}

static inline void
tstate_restore(tstate_slice *slice, PyThreadState *ts)
{
    entries_show(slice->entries);
    TSTATE_IN_ORDER;
    ts->current_frame = slice->frame == NULL ? ts->base_frame : slice->frame;
    datastack_enter(&slice->data, ts);
    ts->exc_info = slice->exc_info;
    ts->context = slice->context;
    ts->context_ver++;
    slice->context = NULL;
    ts->current_executor = slice->executor;
    Py_CLEAR(slice->executor);      /* the interpreter frees no executor that a thread has for its current one */
    ts->py_recursion_remaining = slice->py_recursion_remaining + (ts->py_recursion_limit - slice->py_recursion_limit);
    ts->recursion_headroom = slice->recursion_headroom;
    ts->tracing = slice->tracing;
    ts->what_event = slice->what_event;
    slice->tracing = 0;
}

static inline void
tstate_end(tstate_slice *slice, PyThreadState *ts)
{
    datastack_end(&slice->data, ts);
    slice->context = ts->context;
    slice->frame = NULL;
}

static inline PyObject *
tstate_frame(tstate_slice *slice, PyThreadState *ts)
{
    return frames_innermost(slice->frame, &ts->current_frame, ts);
}

static inline void
tstate_abandon(tstate_slice *slice)
{
    Py_CLEAR(slice->executor);
    frames_abandon(&slice->frame, &slice->data);
}

static inline int
tstate_traverse(tstate_slice *slice, visitproc visit, void *arg)
{
    Py_VISIT(slice->context);
    Py_VISIT(slice->exc_state.exc_value);
    return 0;
}

static inline void
tstate_clear(tstate_slice *slice)
{
    Py_CLEAR(slice->context);
    Py_CLEAR(slice->exc_state.exc_value);
}

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

static inline int
tstate_finalizing(void)
{
    return Py_IsFinalizing();
}

static inline int
tstate_trash_nesting(PyThreadState *Py_UNUSED(ts))
{
    return 0;                               /* the trash can goes by the stack pointer now */
}

#define TSTATE_HAS_BASE_FRAME 1

/* Each stack of a thread ends at ts->base_frame, where nothing of Python runs. It has no code, yet sys._getframe makes a frame
 * object of it if it is called there, as a greenlet's run is: so it is given one, and what else a frame object looks at. */
static inline int
tstate_enter_thread(PyThreadState *ts)
{
    static PyObject *code, *globals;
    if (code == NULL && (code = (PyObject *)PyCode_NewEmpty("<greenlet>", "<greenlet>", 1)) == NULL) {
        return -1;
    }
    if (globals == NULL && (globals = PyDict_New()) == NULL) {
        return -1;
    }
    _PyInterpreterFrame *base = ts->base_frame;
    base->f_executable = PyStackRef_FromPyObjectNew(code);
    base->f_globals = globals;
    base->f_builtins = ts->interp->builtins;
    base->instr_ptr = _PyCode_CODE((PyCodeObject *)code) + ((PyCodeObject *)code)->_co_firsttraceable;
    base->stackpointer = base->localsplus;
    return 0;
}

/* A frame object of the base frame lives on without it, also when the thread is no more. It may drop the last reference to
 * what somebody has put into its f_locals. */
static inline void
tstate_detach_base_frame(PyThreadState *ts)
{
    _PyInterpreterFrame *base = ts->base_frame, *running = tstate_get()->current_frame;
    if (base->frame_obj != NULL) {
        if (running == base) {
            tstate_get()->current_frame = NULL;
        }
        _PyFrame_ClearExceptCode(base);
        base->f_funcobj = PyStackRef_None;
        base->stackpointer = base->localsplus;
        base->owner = FRAME_OWNED_BY_INTERPRETER;
        if (running == base) {
            tstate_get()->current_frame = base;
        }
    }
}

static inline void
tstate_leave_thread(PyThreadState *ts)
{
    _PyInterpreterFrame *base = ts->base_frame;
    tstate_detach_base_frame(ts);
    if (!PyStackRef_IsNull(base->f_executable)) {
        PyStackRef_CLEAR(base->f_executable);
    }
    base->f_executable = PyStackRef_None;
}
