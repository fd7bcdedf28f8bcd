"""The timeline: what greenlets did, recorded and written to a file that Perfetto opens.

    names.py      what the recorder calls greenlets and threads
    model.py      a timeline as objects: threads, greenlets, slices, marks
    recording.py  a model from the recorder's records
    chrome.py     a file in Chrome's trace event format (JSON)
    perfetto.py   a file in Perfetto's protobuf
    program.py    what `python -m switchlib run --timeline` and `--slow` do in the program
    summary.py    the figures that they print at the end

`read` reads both kinds of files that this writes. The recorder is csrc/mechanism/timeline.c; on
PyPy, which has no C, it is recorder.py.
"""

from __future__ import annotations

import atexit
import contextlib
import os

from switchlib import _mechanism
from switchlib._timeline import chrome, names, perfetto
from switchlib._timeline.recording import timeline_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from switchlib._timeline.model import Timeline

RECORDS = 1_000_000
"""How many records are kept, unless another number is given. One takes 32 bytes."""

_WRITERS = {
    ".json": chrome.write,
    ".json.gz": chrome.write,
    ".pftrace": perfetto.write,
    ".perfetto-trace": perfetto.write,
}

_file: str | None = None  # where the timeline that is being recorded goes
_is_registered = False

is_counting = False
"""Whether the recorder has to count, also without a timeline, for reports of slow greenlets."""
_is_recording = False


def start_timeline(file: str | os.PathLike[str], *, records: int = RECORDS) -> None:
    """Start to record what greenlets do, in all threads: to be written to a file, as a timeline.

    The file's suffix chooses the format: .pftrace or .perfetto-trace for Perfetto's protobuf, .json
    or .json.gz for Chrome's trace event format. ui.perfetto.dev opens all of them. At most
    `records` records are kept, rounded up to a power of two, each of 32 bytes. If there are more,
    the oldest are dropped; the file says how many. stop_timeline writes the file. If it is not
    called, the file is written when the interpreter ends. In a forked child nothing is recorded.

    Raises ValueError if the suffix is another or `records` is less than 1, OSError if the file
    cannot be written, and RuntimeError if a timeline is being recorded already.
    """
    global _file
    path = os.path.abspath(os.fspath(file))
    writer_of(path)
    if records < 1:
        raise ValueError(f"at least one record must be kept, not {records}")
    check_writable(path)
    begin(records)
    _file = path
    _register()


def stop_timeline() -> None:
    """Stop recording, and write the file that start_timeline was given.

    Raises RuntimeError if no timeline is being recorded, OSError if the file cannot be written.
    """
    global _file
    if _file is None:
        raise RuntimeError("no timeline is being recorded")
    path, _file = _file, None
    write(end(), path)


@contextlib.contextmanager
def timeline(file: str | os.PathLike[str], *, records: int = RECORDS) -> Iterator[None]:
    """Record a timeline of what greenlets do while a `with` statement runs, in all threads.

    The arguments, and what is raised, are those of start_timeline. The file is also written if an
    exception leaves the `with` statement.
    """
    start_timeline(file, records=records)
    try:
        yield
    finally:
        stop_timeline()


def _register() -> None:
    """Once: for the end of the interpreter, and for forked children."""
    global _is_registered
    if not _is_registered:
        _is_registered = True
        atexit.register(_at_exit)
        os.register_at_fork(after_in_child=_in_child)


def _at_exit() -> None:
    if _file is not None:
        stop_timeline()


def _in_child() -> None:
    global _file
    if _file is not None:
        _file = None
        stop()  # the parent has it, too


def count(on: bool) -> None:
    """Lets the recorder count, whether or not there is a timeline, or no longer lets it."""
    global is_counting
    is_counting = on
    is_on = _mechanism.timeline_counts() is not None
    if on and not is_on:
        begin(0)
    elif not on and is_on and not _is_recording:
        _mechanism.timeline_stop(False)


def begin(records: int) -> None:
    """Starts the recorder. With 0 records switches are only counted."""
    global _is_recording
    _mechanism.timeline_start(
        records, names.name_of_greenlet, names.name_of_thread, names.LIBRARIES
    )
    _is_recording = records > 0


def end() -> Timeline:
    """Stops the recorder. RuntimeError if it was not started."""
    return timeline_of(stop())


def stop() -> dict[str, Any]:
    """The same, without making a timeline of what was recorded."""
    global _is_recording
    _is_recording = False
    return _mechanism.timeline_stop(is_counting)


def check_writable(path: str) -> None:
    """Raises OSError if the file cannot be written."""
    is_new = not os.path.lexists(path)
    with open(path, "ab"):
        if is_new:
            os.unlink(path)


def suffix_of(path: str) -> str:
    """The suffix that says how a file is written. ValueError if it has none of these."""
    for suffix in _WRITERS:
        if path.endswith(suffix):
            return suffix
    raise ValueError(
        f"the name of a timeline's file ends in {', '.join(_WRITERS)}, not as {path!r}"
    )


def writer_of(path: str) -> Callable[[Timeline, str], None]:
    """The function that writes files with this suffix. ValueError if there is none."""
    return _WRITERS[suffix_of(path)]


def write(recorded: Timeline, path: str) -> None:
    """Writes a timeline. ValueError if the suffix is unknown."""
    writer_of(path)(recorded, path)


def read(path: str | os.PathLike[str]) -> Timeline:
    """Reads a timeline that this module has written.

    Raises OSError if the file cannot be read, ValueError if it is no such timeline.
    """
    name = os.fspath(path)
    reader = chrome.read if writer_of(name) is chrome.write else perfetto.read
    return reader(name)
