/* The interpreter layer: the part of CPython's thread state that belongs to a stack, and is swapped
 * with it.
 *
 * Each CPython version has a file, tstate/cp3NN.h. It defines the struct `tstate_slice`, which
 * holds that part of the state while a greenlet is suspended, and the functions listed here. Zeroed
 * memory is a valid slice of an unstarted greenlet. A function marked with * has a default in
 * tstate/defaults.h, which is used unless the version's file has its own. `ts` is the running
 * thread's state, and the GIL is held.
 *
 * Once a process, in this order
 *
 *   int tstate_matches_interpreter(void)
 *       Whether the interpreter's structures are those that this was compiled for, as far as that
 *       can be seen. Also finds what lies elsewhere in some patch releases. Call it before all
 *       others.
 *   int tstate_install(void) *
 *       Prepares the interpreter as a whole for what stacks need. -1 with an exception if it
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
 *       The first prepares a thread before its first greenlet. -1 with an exception if it fails.
 *       The second undoes that when the thread state is cleared, maybe by another thread.
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
 *       Suspend a stack, and resume it. Nothing is allocated, and no Python code runs. In between,
 *       frame objects lead to no frame on the C stack, and ts leads to no frame at all. Both may
 *       write to the stack, so it is copied after the save and put back before the restore. If the
 *       stack is not left after a save, a restore undoes the save.
 *   int tstate_catch_up(tstate_slice *, PyThreadState *ts)
 *       Call it before a stack is left for this suspended one. It does to the suspended frames what
 *       the interpreter has done to all running frames meanwhile. -1 if there is no memory.
 *   void tstate_detach_base_frame(PyThreadState *ts) *
 *       Call it before a stack is left for good. It makes a frame object of the stack's base
 *       independent of the stack. May run anything.
 *   void tstate_end(tstate_slice *, PyThreadState *ts) *
 *       Leaves a stack for good: frees what tstate_prepare allocated, keeps the context.
 *   void tstate_abandon(tstate_slice *) *
 *       Frees a suspended slice whose thread has ended. Frames that a frame object shows stay.
 *
 * What a slice holds
 *
 *   PyObject *tstate_frame(tstate_slice *, PyThreadState *ts) *
 *       The innermost frame of a suspended slice: a new reference, None if there is none, NULL on
 *       error.
 *   PyObject **tstate_context(tstate_slice *, PyThreadState *ts) *
 *       The place of the context (owned, NULL means none): in ts if ts is given, otherwise in the
 *       slice.
 *   void tstate_context_changed(PyThreadState *ts) *
 *       Lets ts know that its context was replaced.
 *   int tstate_traverse(tstate_slice *, int with_frames, visitproc, void *) *
 *   void tstate_clear(tstate_slice *) *
 *       For the collector: visit and clear the objects that the slice owns while it is not running.
 *       With frames (then the slice must be suspended) tstate_traverse also visits what these own
 *       and nothing else visits, each reference once. It is safe to leave a reference out: then its
 *       object is not collected. To visit one too many is a crash. So if it is not known whether a
 *       reference is there, it is left out.
 *   int tstate_visit_generators(tstate_slice *, visitproc, void *) *
 *       Calls the function with each generator, coroutine and asynchronous generator that runs in a
 *       suspended slice, as long as the function returns 0. Returns the function's last result. The
 *       slice does not own the generators.
 *
 * Looking at stacks from elsewhere
 *
 *   const void *tstate_running_frame(PyThreadState *ts, tstate_reader read) *
 *       The address of the innermost frame that ts has, NULL if there is none. That of a suspended
 *       slice is its `frame`.
 *   bool tstate_read_frame(const void *frame, tstate_reader read, tstate_frame_entry *entry) *
 *       Fills in what a frame has. False if it cannot be read.
 *   int tstate_line(const PyCodeObject *code, int instruction, tstate_reader read)
 *       The line of an instruction (its offset in bytes); -1 if it has none. `code` may be a copy
 *       of the object's fixed part.
 *   Of these `ts` may be any thread's, and the GIL need not be held. Nothing is allocated, and no
 *   memory that an address leads to is read but by `read`, which returns false if it cannot.
 *
 * Tracing and monitoring
 *
 *   void tstate_mute(PyThreadState *ts), void tstate_unmute(PyThreadState *ts) *
 *       Trace and profile functions are not called in between. The count belongs to the stack.
 *   int tstate_monitored(PyThreadState *ts)
 *       Whether a tool of sys.monitoring has events for all code that runs. Runs no Python code.
 *   bool tstate_context_is_watched(void) *
 *       Whether the interpreter has watchers of contexts.
 *   void tstate_report_context(PyThreadState *ts) *
 *       Tells them that the context of ts is another one. May run anything.
 *
 * What the interpreter is doing
 *
 *   int tstate_collecting(PyThreadState *ts) *
 *       Whether the collector is at work. Its lists begin in its frames, on a C stack that must not
 *       be overwritten while objects of those lists may be freed.
 *   bool tstate_is_finalized(PyObject *) *
 *   void tstate_set_finalized(PyObject *, bool) *
 *       Whether the object's finaliser has been called already, by the collector or when its last
 *       reference went, and will not be called again. The collector must know the object.
 *   int tstate_call_soon(int (*function)(void *), bool in_main_thread) *
 *       Asks the main interpreter to call the function between two bytecodes: in the main thread,
 *       or in any of its threads, which may be one without greenlets. -1, with no exception set, if
 *       that is impossible: too many calls wait, or the version knows only the main thread. Runs
 *       nothing.
 *   int tstate_finalizing(void) *
 *       Whether the interpreter is shutting down.
 *   int tstate_trash_nesting(PyThreadState *ts) *
 *       How deep the trash can is nested, for greenlet's tests.
 *   TSTATE_DICT_SPEEDS_METHODS *
 *       1 if the interpreter specialises calls of a method only for objects that have a __dict__,
 *       otherwise 0.
 *
 * faulthandler and profilers follow the chain of frames from ts in signal handlers. So at each
 * instruction of these functions the chain must be either intact or empty. If the order of two
 * stores matters for that, TSTATE_IN_ORDER is put between them.
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

/* The files of all versions include internal headers of the interpreter. */
#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE 1
#endif
typedef bool (*tstate_reader)(void *to, const void *from, size_t size);

typedef struct tstate_frame_entry {
    const void *previous;           /* the frame outside it; NULL if it is the last */
    PyCodeObject *code;             /* NULL if it runs no code of Python */
    int instruction;                /* as tstate_line takes it */
} tstate_frame_entry;

#undef _PyGC_FINALIZED              /* they have a macro of that name, too */

/* The only place that checks the version. */
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
