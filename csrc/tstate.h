/* The interpreter layer: what of CPython's thread state belongs to a stack and is swapped with it.
 *
 * A file for a CPython version defines the struct `tstate_slice` (zeroed memory is a valid slice of a greenlet
 * that has not begun) and these functions over it. `ts` is the running thread's state; the GIL is held.
 *
 *   PyThreadState *tstate_get(void)
 *       The running thread's state.
 *   int tstate_matches_interpreter(void)
 *       Whether the interpreter's structures are those that this was compiled for, as far as can be told. Finds what lies
 *       elsewhere in some patch releases. Called at import, before the others.
 *   void tstate_install(void)
 *       Puts in place what stacks need of the interpreter as a whole. Once a process.
 *   uint64_t tstate_id(PyThreadState *ts)
 *       A number that no other thread state of the process has or had.
 *   int tstate_copies_args_first(PyObject *run, Py_ssize_t nargs)
 *       Whether a call of the Python function `run` copies its arguments before anything can be allocated that the
 *       collector counts: a finaliser may go back to the caller, whose array of arguments is then no more.
 *   TSTATE_DICT_SPEEDS_METHODS
 *       1 if the interpreter specialises calls of a method only for objects that have a __dict__, else 0.
 *   int tstate_prepare(tstate_slice *, PyThreadState *ts, Callee callee)
 *       Allocates what a new stack needs to call this. -1 and MemoryError if it cannot. Once a greenlet. Runs nothing.
 *   void tstate_begin(tstate_slice *, PyThreadState *ts)
 *       Makes ts that of a new stack: no frames, no exception being handled, the context that the slice holds.
 *       The recursion depth stays, for the new stack lies below its starter's on the same C stack; whether a
 *       trace function is running stays too, until the stack is first left: one that starts greenlets would otherwise be
 *       called for each of them.
 *   int tstate_catch_up(tstate_slice *, PyThreadState *ts)
 *       Before a stack is left for a suspended one: does for the latter what the interpreter did for all running frames
 *       meanwhile. -1 if there is no memory.
 *   void tstate_save(tstate_slice *, PyThreadState *ts)
 *   void tstate_restore(tstate_slice *, PyThreadState *ts)
 *       Leave a stack; come back to it. Nothing is allocated and no Python code runs. In between frame objects lead to
 *       no frame on the C stack, and ts leads to no frame at all. Both may write to the stack concerned, so it is copied
 *       after the one and put back before the other. A save after which the stack is not left is undone by a restore.
 *
 * At each instruction of these functions the chain of frames can be followed from ts, or is empty: faulthandler and profilers
 * do that in signal handlers. Where the order of two stores matters for it, TSTATE_IN_ORDER stands between them.
 *   void tstate_end(tstate_slice *, PyThreadState *ts)
 *       Leaves a stack for good: frees what tstate_prepare allocated, keeps the context.
 *   void tstate_abandon(tstate_slice *)
 *       Frees a suspended slice whose thread has ended, as far as its frames can be freed unseen.
 *   PyObject *tstate_frame(tstate_slice *, PyThreadState *ts)
 *       The innermost frame of a suspended slice: a new reference, None where it has none, NULL on error.
 *   PyObject **tstate_context(tstate_slice *, PyThreadState *ts)
 *       Where the context lies (owned, NULL means none): in ts if ts is given, else in the slice.
 *   void tstate_context_changed(PyThreadState *ts)
 *       Tells ts that its context was replaced.
 *   int tstate_traverse(tstate_slice *, visitproc, void *)
 *   void tstate_clear(tstate_slice *)
 *       For the collector: the objects that the slice owns while it is not running.
 *   void tstate_mute(PyThreadState *ts), void tstate_unmute(PyThreadState *ts)
 *       Trace and profile functions are not called in between. The count belongs to the stack.
 *   int tstate_monitored(PyThreadState *ts)
 *       Whether a tool of sys.monitoring hears of all code that runs. Runs no Python code.
 *   int tstate_enter_thread(PyThreadState *ts)
 *   void tstate_leave_thread(PyThreadState *ts)
 *       What a thread needs before its first greenlet (-1 with an exception if it cannot be), and what is to be undone when the
 *       thread state is cleared.
 *   void tstate_detach_base_frame(PyThreadState *ts)
 *       Before a stack is left for good: keeps what frame objects see of its base. May run anything.
 *   int tstate_in_main_interpreter(void)
 *       Whether the main interpreter runs in this thread. Any interpreter may ask.
 *   int tstate_collecting(PyThreadState *ts)
 *       Whether the collector is at work. Its lists begin in its frames, on a C stack that must not be overwritten
 *       while objects of those lists may go.
 *   int tstate_finalizing(void)
 *       Whether the interpreter ends.
 *   int tstate_trash_nesting(PyThreadState *ts)
 *       How deep the trash can is nested, for greenlet's tests.
 *
 * Sources: Include/cpython/pystate.h, Include/internal/pycore_frame.h, Python/pystate.c, Python/ceval.c of the
 * version concerned.
 */
#ifndef SWITCHLIB_TSTATE_H
#define SWITCHLIB_TSTATE_H

#include "callee.h"

#include <Python.h>

#define TSTATE_IN_ORDER __atomic_signal_fence(__ATOMIC_SEQ_CST)

static inline int tstate_in_main_interpreter(void);

#if !defined(PY_VERSION_HEX)
#  error "switchlib's C library needs CPython's headers"
#elif defined(Py_GIL_DISABLED)
#  error "switchlib does not run on free-threaded builds of CPython"
#elif PY_VERSION_HEX >= 0x030A0000 && PY_VERSION_HEX < 0x030B0000
#  include "tstate/cp310.h"
#elif PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
#  include "tstate/cp311.h"
#elif PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030D0000
#  include "tstate/cp312.h"
#elif PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000
#  include "tstate/cp313.h"
#elif PY_VERSION_HEX >= 0x030E0000 && PY_VERSION_HEX < 0x030F0000
#  include "tstate/cp314.h"
#elif PY_VERSION_HEX >= 0x030F0000 && PY_VERSION_HEX < 0x03100000
#  include "tstate/cp315.h"
#else
#  error "switchlib does not know this CPython version: write csrc/tstate/cp3NN.h as csrc/tstate.h tells, and name it in csrc/tstate.h"
#endif

/* The same in all versions so far, or in all but one, which says so by a macro: their files need not define these. */

static inline uint64_t
tstate_id(PyThreadState *ts)
{
    return ts->id;
}

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
tstate_in_main_interpreter(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyThreadState *ts = PyThreadState_GetUnchecked();
#else
    PyThreadState *ts = _PyThreadState_UncheckedGet();
#endif
    return ts != NULL && PyThreadState_GetInterpreter(ts) == PyInterpreterState_Main();
}

static inline int
tstate_collecting(PyThreadState *ts)
{
    return ts->interp->gc.collecting;
}

#if PY_VERSION_HEX < 0x030C0000
static inline int
tstate_monitored(PyThreadState *Py_UNUSED(ts))
{
    return 0;                       /* sys.monitoring came with 3.12 */
}
#endif

#if !defined(TSTATE_HAS_BASE_FRAME)
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

#endif
