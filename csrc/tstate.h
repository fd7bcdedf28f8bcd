/* The interpreter layer: what of CPython's thread state belongs to a stack and is swapped with it.
 *
 * Each CPython version has a file, tstate/cp3NN.h. It defines the struct `tstate_slice`, which
 * holds that state while a greenlet is suspended (zeroed memory is a valid slice of a greenlet that
 * has not begun), and the functions listed here. A function marked with * has a default in
 * tstate/defaults.h, which is used unless the version's file has its own. `ts` is the running
 * thread's state, and the GIL is held.
 *
 * Once a process, in this order
 *
 *   int tstate_matches_interpreter(void)
 *       Whether the interpreter's structures are those that this was compiled for, as far as can be
 *       seen. Also finds what lies elsewhere in some patch releases: call it before all others.
 *   int tstate_install(void) *
 *       Puts in place what stacks need of the interpreter as a whole. -1 with an exception if it
 *       fails.
 *
 * Threads
 *
 *   PyThreadState *tstate_get(void)
 *       The running thread's state.
 *   uint64_t tstate_id(PyThreadState *ts) *
 *       A number that no other thread state of the process has or had.
 *   int tstate_in_main_interpreter(void) *
 *       Whether the main interpreter runs in this thread. Any interpreter may ask.
 *   int tstate_enter_thread(PyThreadState *ts) *
 *   void tstate_leave_thread(PyThreadState *ts) *
 *       Before a thread's first greenlet: what it needs for them, -1 with an exception if it cannot
 *       be had. When the thread state is cleared, maybe by another thread: undoes it.
 *
 * A stack, from its start to its end
 *
 *   int tstate_copies_args_first(PyObject *run, Py_ssize_t nargs) *
 *       Whether a call of the Python function `run` copies its arguments before anything can be
 *       allocated that the collector counts. Otherwise a finaliser may go back to the caller, whose
 *       array of arguments is then gone.
 *   int tstate_prepare(tstate_slice *, PyThreadState *ts, Callee callee) *
 *       Allocates what a new stack needs to call this. -1 and MemoryError if it cannot. Once a
 *       greenlet. Runs nothing.
 *   void tstate_begin(tstate_slice *, PyThreadState *ts)
 *       Makes ts that of a new stack: no frames, no exception being handled, the context that the
 *       slice holds. The recursion depth stays, since the new stack lies below its starter's on the
 *       same C stack. Whether a trace function is running stays, too, until the stack is first
 *       left: a trace function that starts greenlets would otherwise be called for each of them.
 *   void tstate_save(tstate_slice *, PyThreadState *ts)
 *   void tstate_restore(tstate_slice *, PyThreadState *ts)
 *       Suspend a stack; resume it. Nothing is allocated and no Python code runs. In between, frame
 *       objects lead to no frame on the C stack, and ts leads to no frame at all. Both may write to
 *       the stack concerned, so it is copied after the one and put back before the other. A save
 *       after which the stack is not left is undone by a restore.
 *   int tstate_catch_up(tstate_slice *, PyThreadState *ts)
 *       Before a stack is left for this suspended one: does for it what the interpreter did to all
 *       running frames meanwhile. -1 if there is no memory.
 *   void tstate_detach_base_frame(PyThreadState *ts) *
 *       Before a stack is left for good: makes a frame object of its base independent of it. May
 *       run anything.
 *   void tstate_end(tstate_slice *, PyThreadState *ts) *
 *       Leaves a stack for good: frees what tstate_prepare allocated, keeps the context.
 *   void tstate_abandon(tstate_slice *) *
 *       Frees a suspended slice whose thread has ended, as far as its frames can be freed unseen.
 *
 * What a slice holds
 *
 *   PyObject *tstate_frame(tstate_slice *, PyThreadState *ts) *
 *       The innermost frame of a suspended slice: a new reference, None if there is none, NULL on
 *       error.
 *   PyObject **tstate_context(tstate_slice *, PyThreadState *ts) *
 *       Where the context lies (owned, NULL means none): in ts if ts is given, otherwise in the
 *       slice.
 *   void tstate_context_changed(PyThreadState *ts) *
 *       Lets ts know that its context was replaced.
 *   int tstate_traverse(tstate_slice *, int with_frames, visitproc, void *) *
 *   void tstate_clear(tstate_slice *) *
 *       For the collector: the objects that the slice owns while it is not running. With frames
 *       (for which the slice must be suspended) also what these own and nothing else visits, each
 *       reference once. To leave one out is safe: its object is not collected then. To visit one
 *       too many is a crash. So what cannot be known is left out.
 *   int tstate_visit_generators(tstate_slice *, visitproc, void *) *
 *       Calls the function with each generator, coroutine and asynchronous generator that runs in a
 *       suspended slice, for as long as it returns 0; returns what it returned last. The slice does
 *       not own them.
 *
 * Tracing and monitoring
 *
 *   void tstate_mute(PyThreadState *ts), void tstate_unmute(PyThreadState *ts) *
 *       Trace and profile functions are not called in between. The count belongs to the stack.
 *   int tstate_monitored(PyThreadState *ts)
 *       Whether a tool of sys.monitoring has events for all code that runs. Runs no Python code.
 *
 * What the interpreter is doing
 *
 *   int tstate_collecting(PyThreadState *ts) *
 *       Whether the collector is at work. Its lists begin in its frames, on a C stack that must not
 *       be overwritten while objects of those lists may be freed.
 *   bool tstate_is_finalized(PyObject *) *
 *   void tstate_set_finalized(PyObject *, bool) *
 *       Whether the collector, or the end of its last reference, has called the object's finaliser
 *       already, and will not do so again. The object is one that the collector knows.
 *   int tstate_call_soon(int (*function)(void *), bool in_main_thread) *
 *       Has the main interpreter call this between two bytecodes: in the main thread, or in
 *       whichever of its threads comes first, which may be a thread without greenlets. -1, with no
 *       exception set, if that cannot be had: too many calls wait, or the version knows only the
 *       main thread. Runs nothing.
 *   int tstate_finalizing(void) *
 *       Whether the interpreter is shutting down.
 *   int tstate_trash_nesting(PyThreadState *ts) *
 *       How deep the trash can is nested, for greenlet's tests.
 *   TSTATE_DICT_SPEEDS_METHODS *
 *       1 if the interpreter specialises calls of a method only for objects that have a __dict__,
 *       otherwise 0.
 *
 * faulthandler and profilers follow the chain of frames from ts in signal handlers. So at each
 * instruction of these functions it can be followed, or is empty. Where the order of two stores
 * matters for that, TSTATE_IN_ORDER stands between them.
 *
 * Sources, of the version concerned: Include/cpython/pystate.h, Include/internal/pycore_frame.h,
 * Python/pystate.c, Python/ceval.c. In comments gh-N is github.com/python/cpython/issues/N.
 */
#ifndef SWITCHLIB_TSTATE_H
#define SWITCHLIB_TSTATE_H

#include "callee.h"

#include <Python.h>
#include <stdbool.h>

#define TSTATE_IN_ORDER __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* What the files of all versions include are the interpreter's internal headers. */
#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE 1
#endif
#undef _PyGC_FINALIZED              /* they have a macro of that name, too */

/* The one place that asks for the version. */
#if !defined(PY_VERSION_HEX)
#  error "switchlib's C library needs CPython's headers"
#elif defined(Py_GIL_DISABLED)
#  error "switchlib does not run on free-threaded builds of CPython"
#elif PY_VERSION_HEX >> 16 == 0x030A
#  include "tstate/cp310.h"
#elif PY_VERSION_HEX >> 16 == 0x030B
#  include "tstate/cp311.h"
#elif PY_VERSION_HEX >> 16 == 0x030C
#  include "tstate/cp312.h"
#elif PY_VERSION_HEX >> 16 == 0x030D
#  include "tstate/cp313.h"
#elif PY_VERSION_HEX >> 16 == 0x030E
#  include "tstate/cp314.h"
#elif PY_VERSION_HEX >> 16 == 0x030F
#  include "tstate/cp315.h"
#else
#  error "switchlib does not know this CPython: write csrc/tstate/cp3NN.h, see docs/new-cpython.md"
#endif

#include "tstate/defaults.h"

#endif
