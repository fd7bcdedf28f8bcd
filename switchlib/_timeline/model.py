"""A timeline as objects. All times are in nanoseconds of time.monotonic_ns()."""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    How = Literal["start", "switch", "throw"]


@dataclass
class Thread:
    """A thread in which greenlets ran."""

    number: int  # in the timeline, from 1 on; 0 for one that is not known
    native_id: int  # the system's number; 0 if it is not known
    name: str


@dataclass
class Track:
    """A greenlet: its track has a stretch from its begin to its end, and in it its slices."""

    number: int  # in the timeline, from 1 on
    name: str
    thread: int  # the number of the thread in which it ran; of the one that made it, if it did not
    begin: int  # when it was made, or was first seen
    end: int  # when it ended or was freed, or the timeline's end
    made_by: int = 0  # the number of the greenlet that made it; 0 if that was not seen
    made_at: str = ""  # the place, as in Slice
    has_ended: bool = False  # within the timeline


@dataclass
class Slice:
    """A stretch in which a greenlet ran without switching."""

    __slots__ = ("begin", "end", "greenlet", "how", "label", "origin", "place", "thread")

    greenlet: int
    thread: int
    begin: int
    end: int
    how: How | None  # what began it; None if it began before the timeline
    origin: int  # the greenlet that was left for it; 0 if it is not known
    place: str  # where it was resumed, "file.py:12 function"; "" if it started
    label: str  # of the value that it was given; "" for none


@dataclass
class Mark:
    """What the program has marked."""

    greenlet: int
    thread: int
    time: int
    text: str
    place: str


@dataclass
class Figures:
    """What all greenlets of one name did, in the whole time, also in what was dropped."""

    name: str
    switches: int  # to such greenlets
    ran: int  # ns
    longest: int  # ns: the longest stretch without a switch


@dataclass
class Stretch:
    """One of the longest stretches without a switch, also of what was dropped."""

    name: str
    thread: str
    begin: int
    length: int


@dataclass
class Timeline:
    """All that was recorded."""

    pid: int
    program: str
    begin: int
    end: int
    dropped: int = 0  # records that made way for later ones; what is before `kept_from` is missing
    kept_from: int = 0
    threads: dict[int, Thread] = field(default_factory=dict)  # by their numbers
    tracks: dict[int, Track] = field(default_factory=dict)  # by their numbers
    slices: list[Slice] = field(default_factory=list)  # those of each thread by time
    marks: list[Mark] = field(default_factory=list)
    # In the whole time. A file that is read has none of these:
    created: int = 0
    ended: int = 0
    figures: list[Figures] = field(default_factory=list)
    longest: list[Stretch] = field(default_factory=list)  # the longest first

    @property
    def switches(self) -> int:
        """How many switches, throws and starts there were in the whole time."""
        return sum(each.switches for each in self.figures)
