"""Reports of greenlets that run for long while others wait; csrc/mechanism/slow.c makes them."""

from __future__ import annotations

import atexit
import math
import os
import sys

from switchlib import _mechanism, _timeline
from switchlib._dumps import descriptor_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

_file: IO[Any] | int | None = None  # the reports go to its descriptor, so it must stay open
_is_registered = False


def report_slow(milliseconds: float, *, file: IO[Any] | int | None = None) -> None:
    """Report each greenlet that runs for so long without a switch, while others of its thread wait.

    The report is written while the greenlet still runs, also if it is stuck in C code and holds the
    GIL. It says for how long it has run, how much processor time it took, in which thread, and what
    its stack is. There is one report for each such stretch, up to an eighth of `milliseconds` late.
    A greenlet is not slow if no other of its thread is suspended or unstarted, or if it is that of
    an event loop and waits for events. `file` is a file object with a fileno(), or a file
    descriptor; None means sys.stderr. It must stay open. In a forked child nothing is reported.

    Raises ValueError if `milliseconds` is less than 1, or not finite, RuntimeError if slow
    greenlets are being reported already or if sys.stderr is None, OSError if the system starts no
    thread, and NotImplementedError on PyPy.
    """
    global _file
    if not 1 <= milliseconds < math.inf:
        raise ValueError(f"at least one millisecond is needed, not {milliseconds}")
    descriptor = descriptor_of(file)
    start(milliseconds, descriptor)
    _file = sys.stderr if file is None else file


def stop_report_slow() -> bool:
    """Undo report_slow. Returns whether there was something to undo."""
    global _file
    was_on = _mechanism.slow_stop()
    if was_on:
        _timeline.count(False)
    _file = None
    return was_on


def start(milliseconds: float, descriptor: int, progress_descriptor: int = -1) -> None:
    """Starts the thread that looks. With 0 milliseconds it only shows progress."""
    global _is_registered
    _mechanism.slow_start(float(milliseconds), descriptor, progress_descriptor)
    _timeline.count(True)
    if not _is_registered:
        _is_registered = True
        atexit.register(_mechanism.slow_stop)
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    global _file
    _file = None
    _timeline.count(False)
