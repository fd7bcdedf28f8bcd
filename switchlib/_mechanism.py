"""The mechanism below the policy: what csrc/mechanism/, or switchlib/_pypy.py, puts here at import.

Each question takes a greenlet, and is answered from its state alone: no attribute that a subclass
could override is ever looked up. Only `getcurrent`, `gettrace` and `settrace` are for users.

How the C functions get here: cffi compiled them into `switchlib._switch`, but they are not
functions of cffi's `lib`. A call through cffi costs three times as much as a call of a builtin, and
releases the GIL. It cannot take or return Python objects as they are, and does not know in which
interpreter it is made. So cffi is used for a single call, at the end of this file.
`mechanism_open` gets the id() of this module's dict, which is its address, and puts the builtin
`fill` into the dict. `fill` then adds all that is declared below, as ordinary builtins and a type.
On PyPy `fill` is an ordinary function.
"""

from __future__ import annotations

import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from types import CodeType, FrameType
    from typing import Any, Literal, TypeAlias

    from switchlib._greenlet import greenlet

    class Base:
        """The builtin base of `greenlet`, with the C layout of PyGreenlet."""

        __slots__ = ()

        @property
        def dead(self) -> bool: ...
        @property
        def gr_frame(self) -> FrameType | None: ...
        @property
        def _stack_saved(self) -> int: ...
        def __bool__(self) -> bool: ...

    Greenlet: TypeAlias = greenlet

    class GreenletEvent:
        """What a watcher is given. Details that an event does not have are None."""

        @property
        def name(self) -> Literal["create", "start", "switch", "throw", "end"]: ...
        @property
        def greenlet(self) -> Greenlet:
            """The greenlet that was made, is switched to, or ends."""

        @property
        def origin(self) -> Greenlet | None:
            """The greenlet that made it, or that was left for it; None at its end."""

        @property
        def run(self) -> Callable[..., Any] | None:
            """start: the function that is called in it."""

        @property
        def value(self) -> Any:
            """switch: what its call of switch returns; end: what run returned."""

        @property
        def exception(self) -> BaseException | None:
            """throw: what is raised in it; end: what ended it."""

    State: TypeAlias = Literal["unstarted", "suspended", "current", "dead"]
    TraceCallback: TypeAlias = Callable[
        [Literal["switch", "throw"], tuple[greenlet, greenlet]], object
    ]

SWITCH: Literal[0]
THROW: Literal[1]
START: Literal[2]

fill: Callable[[dict[str, Any]], None]
"""Puts all that follows into a dict.

ImportError if this process or interpreter does not support it.
"""
adopt: Callable[[type[greenlet], type[Exception], type[BaseException]], object]
"""adopt(class, error, GreenletExit) replaces functions of the class by builtins, which ask them."""
store_module: Callable[[str], None]
"""Names the module to which the adopted class belongs from now on."""
close_down: Callable[[], None]
"""Tells the mechanism that the interpreter is about to end."""
watchers: Callable[[], tuple[tuple[Callable[[GreenletEvent], object], int], ...]]
"""All watchers, each with the sum of its events: 1 create, 2 start, 4 switch, 8 throw, 16 end."""
replace_watchers: Callable[[object, object], bool]
"""replace_watchers(before, after) replaces the watchers, and returns whether it did: only if
`before` is what `watchers` still returns."""
shortcuts: Callable[[bool | None], bool]
"""Turns the shortcuts on or off (None: neither) and returns what they were."""

getcurrent: Callable[[], greenlet]
gettrace: Callable[[], TraceCallback | None]
settrace: Callable[[TraceCallback | None], TraceCallback | None]

running: Callable[[], greenlet]
"""The same as getcurrent, but it also works while the interpreter shuts down."""
ready: Callable[[greenlet], bool]
"""Whether it is suspended, and belongs to this thread."""
state_of: Callable[[greenlet], State]
"""Its state. "current" means in its own thread; if that has ended, all its greenlets are dead."""
parent_of: Callable[[greenlet], greenlet | None]
main_of: Callable[[greenlet], greenlet | None]
"""The main greenlet of the thread in which it began. None if it has not, or if that has ended."""
is_main: Callable[[object], bool]
run_of: Callable[[greenlet], Any]
"""Its run function. AttributeError if it has none, or if it has started."""
thread_ident: Callable[[greenlet], int | None]
"""threading.get_ident() of the thread in which it began, even if that has ended. None if it has
not begun."""
begun_run_of: Callable[[greenlet], Any]
"""Its run function, also after its start; None if it has none, or has ended."""
store_parent: Callable[[greenlet, greenlet], bool]
"""Stores the parent and returns True, or returns False if that would make a cycle."""
store_run: Callable[..., bool]
"""store_run(greenlet[, run]) stores or removes run and returns True; or False if it has started."""
load_context: Callable[[greenlet], Context | None]
store_context: Callable[[greenlet, Context | None], None]
slice_of: Callable[[greenlet], tuple[int, int, int, int, int, int]]
"""Its stack slice: (address, start, stop, bytes saved, capacity of its heap buffer, address of the
slice of the owner above)."""
all_greenlets: Callable[[], list[greenlet]]
stack_of: Callable[[greenlet], list[tuple[CodeType, int]]]
"""The code objects that run on its stack, the innermost last, each with its line, or -1 if it has
none. TypeError if it is no greenlet."""
dump_on_signal: Callable[[int, int], None]
"""dump_on_signal(signal's number, file descriptor)"""
stop_dump_on_signal: Callable[[int], bool]
dump_on_fatal_error: Callable[[int], None]
stop_dump_on_fatal_error: Callable[[], bool]

timeline_start: Callable[
    [
        int,
        Callable[..., tuple[str, int]],
        Callable[[int], str],
        tuple[str, ...],
    ],
    None,
]
"""timeline_start(records, name_of_greenlet, name_of_thread, libraries) starts the recorder, with a
ring of so many records; with 0 it only counts. One that only counts may be given a ring later.
`name_of_greenlet` gets a greenlet, and if it is just starting its arguments; it returns a name, and
0, 1 or 2 as names.py says. `name_of_thread` gets the thread's number in `threading`, and returns a
name. Frames of files that have one of `libraries` in their path are passed over. RuntimeError if it
is on."""
timeline_stop: Callable[[bool], dict[str, Any]]
"""Stops the recorder, and returns what switchlib/_timeline/recording.py reads. With True it goes on
counting if it had a ring. RuntimeError if it is not on."""
slow_start: Callable[[float, int, int], None]
"""slow_start(milliseconds, file descriptor, file descriptor for progress or -1) starts a thread
that reports greenlets that run so long without a switch; with 0 it only shows progress. The
recorder must be on. RuntimeError if it runs already."""
slow_stop: Callable[[], bool]
"""Ends that thread. Whether it ran."""
timeline_counts: Callable[[], tuple[int, int, int, int, int] | None]
"""(ns since it started, arrivals, greenlets made, greenlets ended, records dropped) until now, or
None if it is not on."""
mark: Callable[[str], None]
label: Callable[[object, str], Any]

count_main_greenlets: Callable[[], int]
count_doomed: Callable[[], int]
c_api: Callable[[], object]
"""The capsule `greenlet._C_API`."""
set_thread_local: Callable[[object, object], None]
trash_nesting: Callable[[], int]


if sys.implementation.name == "pypy":
    from switchlib._pypy_module import fill
else:
    try:
        from switchlib._switch import lib
    except ModuleNotFoundError as error:
        if error.name == "_cffi_backend":
            raise ImportError(
                "switchlib needs cffi, which is not installed here: `pip install cffi`"
            ) from error
        directory = os.path.dirname(__file__)
        others = [
            name
            for name in os.listdir(directory)
            if name.startswith("_switch.") and name.endswith(".so")
        ]
        if others:
            raise ImportError(
                f"the switchlib in {directory} was built for another Python, as {others[0]}: is it "
                "on PYTHONPATH?"
            ) from error
        raise ImportError(
            "switchlib's C library is not built here: install it (`pip install -e .` in a clone), "
            "or, if it is installed, leave the directory of its source, which Python finds first"
        ) from error
    if lib.mechanism_open(id(globals())) < 0:
        raise MemoryError
fill(globals())
atexit.register(close_down)  # noqa: F821
shortcuts(os.environ.get("SWITCHLIB_SHORTCUTS", "1") != "0")  # noqa: F821
if os.environ.get("SWITCHLIB_ALLOW_READERS", "0") not in ("", "0"):
    from switchlib._readers import allow_readers

    allow_readers()
if os.environ.get("SWITCHLIB_TRACK", "0") not in ("", "0"):
    from switchlib._track import track

    track()
if "SWITCHLIB_DUMP_SIGNAL" in os.environ:
    from switchlib._dumps import dump_on_signal_of

    dump_on_signal_of(os.environ["SWITCHLIB_DUMP_SIGNAL"])
if "SWITCHLIB_TIMELINE" in os.environ or "SWITCHLIB_SLOW" in os.environ:
    from switchlib._timeline import program

    program.start()
