"""Where each greenlet was made, and since when it has been suspended: two watchers and a table."""

from __future__ import annotations

import sys
from time import monotonic
from traceback import FrameSummary, StackSummary
from weakref import ref

from switchlib._mechanism import Base, state_of
from switchlib._watchers import add_watcher, remove_watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType

    from switchlib import GreenletEvent, greenlet

FRAMES = 5
"""How many frames of the creator are recorded, unless `track` is given another number."""


class Record:
    """What is known of a greenlet. It keeps neither the greenlet nor a frame alive."""

    __slots__ = ("ended", "places", "reference", "since", "started")

    def __init__(self, reference: ref[greenlet]) -> None:
        self.reference = reference
        self.places: tuple[tuple[CodeType, int | None], ...] | None = None  # the innermost first
        # Times of time.monotonic():
        self.started: float | None = None
        self.since: float | None = None  # when it was last left
        self.ended: float | None = None


# By the id of the greenlet: a class derived from greenlet need not be hashable.
_records: dict[int, Record] = {}
_frames = FRAMES
_is_on = False


def track(on: bool = True, *, frames: int = FRAMES) -> None:
    """Record where each greenlet is made, and since when it has been suspended; or stop doing so.

    It applies to all threads. Of the stack that makes a greenlet, up to `frames` innermost frames
    are recorded: their code and line, not their variables. Stopping also forgets what was recorded.
    SWITCHLIB_TRACK=1 in the environment starts it when switchlib is imported. While it is on, a
    switch takes about 0.8 µs, and making a greenlet 2.2 µs (CPython 3.11). Raises
    ValueError if `frames` is less than 1.
    """
    global _frames, _is_on
    if frames < 1:
        raise ValueError(f"at least one frame must be recorded, not {frames}")
    _frames = frames
    if on:
        add_watcher(_created, "create")
        add_watcher(_moved, "start", "switch", "throw", "end")
    elif _is_on:
        for watcher in (_created, _moved):
            _remove(watcher)
        _records.clear()
    _is_on = on


def created_at(greenlet: greenlet) -> StackSummary | None:
    """The innermost frames of the stack that made a greenlet, the innermost last.

    `created_at(g).format()` gives the lines of a traceback. None if it was not tracked. Raises
    TypeError if the argument is not a greenlet.
    """
    record = _record_of(greenlet)
    if record is None or record.places is None:
        return None
    return StackSummary.from_list(
        [
            FrameSummary(code.co_filename, line, code.co_name, lookup_line=False)
            for code, line in reversed(record.places)
        ]
    )


def suspended_since(greenlet: greenlet) -> float | None:
    """The time at which a suspended greenlet was left, in seconds of time.monotonic().

    None if it is not suspended, or if that was not tracked. Raises TypeError if the argument is not
    a greenlet.
    """
    record = _record_of(greenlet)
    return None if record is None or state_of(greenlet) != "suspended" else record.since


def _record_of(greenlet: greenlet) -> Record | None:
    if not isinstance(greenlet, Base):
        raise TypeError(f"expected a greenlet, not {type(greenlet).__name__}")
    record = _records.get(id(greenlet))
    return record if record is not None and record.reference() is greenlet else None


def _new_record(greenlet: greenlet) -> Record:
    key = id(greenlet)

    def forget(reference: object) -> None:
        record = _records.get(key)  # it may be another's, which has got the address
        if record is not None and record.reference is reference:
            del _records[key]

    record = _records[key] = Record(ref(greenlet, forget))
    return record


def _created(event: GreenletEvent) -> None:
    frame: FrameType | None = sys._getframe(1)
    places: list[tuple[CodeType, int | None]] = []
    while frame is not None and len(places) < _frames:
        places.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    _new_record(event.greenlet).places = tuple(places)


def _moved(event: GreenletEvent) -> None:
    now = monotonic()
    record = _record_of(event.greenlet)
    if record is not None:
        record.since = None
        if event.name == "end":
            record.ended = now
        elif record.started is None and record.places is not None:
            record.started = now
    origin = event.origin
    if origin is not None and origin is not event.greenlet and not origin.dead:
        (_record_of(origin) or _new_record(origin)).since = now


def _remove(watcher: object) -> None:
    try:
        remove_watcher(watcher)  # type: ignore[arg-type]
    except ValueError:
        return  # it raised an exception, in a lack of memory or of stack, and so was removed
