"""What `python -m switchlib run --timeline FILE --slow MILLISECONDS` does in the program."""

from __future__ import annotations

import atexit
import os
import sys

from switchlib import _mechanism, _slow, _timeline
from switchlib._timeline.summary import summary

PYPY = sys.implementation.name == "pypy"
TIMELINE, SLOW = "SWITCHLIB_TIMELINE", "SWITCHLIB_SLOW"

_path: str | None = None  # of the file that is written
_milliseconds = 0.0


def start() -> None:
    """Starts what the environment asks for. It is removed there: it is not for other programs."""
    global _path, _milliseconds
    _path = os.environ.pop(TIMELINE, None)
    _milliseconds = float(os.environ.pop(SLOW, "0"))
    _begin()
    atexit.register(_finish)
    os.register_at_fork(after_in_child=_in_child)


def _begin() -> None:
    if _path is not None:
        _timeline.begin(_timeline.RECORDS)
    is_terminal = sys.stderr is not None and sys.stderr.isatty() and not PYPY
    if _milliseconds or is_terminal:
        descriptor = 2 if sys.stderr is None else sys.stderr.fileno()
        _slow.start(_milliseconds, descriptor, descriptor if is_terminal else -1)


def _in_child() -> None:
    """A forked child, such as a server's worker, has a timeline of its own."""
    global _path
    _timeline.count(False)
    if _mechanism.timeline_counts() is not None:
        _timeline.stop()
    if _path is not None:
        suffix = _timeline.suffix_of(_path)
        _path = f"{_path[: -len(suffix)]}-{os.getpid()}{suffix}"
    _begin()


def _finish() -> None:
    _mechanism.slow_stop()
    _timeline.is_counting = False
    if _mechanism.timeline_counts() is None:
        return  # the program has stopped it
    recorded = _timeline.end()
    try:
        if _path is not None:
            _timeline.write(recorded, _path)
        print(summary(recorded, _path), file=sys.stderr, flush=True)
    except OSError as error:
        print(f"switchlib: the timeline could not be written: {error}", file=sys.stderr)
