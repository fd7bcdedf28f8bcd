"""The recorder on PyPy, made of a watcher. It mirrors csrc/mechanism/timeline.c, but is slower."""

from __future__ import annotations

import _thread
import os
import sys
from collections import deque
from time import monotonic_ns
from weakref import ref

from switchlib._mechanism import getcurrent
from switchlib._timeline.recording import (
    CREATE,
    END,
    FREE,
    MARK,
    SLOT,
    START,
    STATISTICS,
    STRETCH,
    SWITCH,
    THREAD_BEGIN,
    THROW,
)
from switchlib._watchers import add_watcher, remove_watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

    from switchlib import GreenletEvent, greenlet

MOST_LABELLED = 1024
PLACES_UP = 16

_KINDS = {"start": START, "switch": SWITCH, "throw": THROW}


class Known:
    """A greenlet that has a number."""

    def __init__(self, number: int, reference: ref[greenlet]) -> None:
        self.number = number
        self.reference = reference
        self.name = 0
        self.loop = 0
        self.has_ended = False


class InThread:
    """What is known of a thread."""

    def __init__(self, number: int, name: int, arrived_at: int) -> None:
        self.number = number
        self.name = name
        self.native_id = _thread.get_native_id()
        self.arrived_at = arrived_at
        self.arrivals = 0


class Recorder:
    """A recording that is under way."""

    def __init__(
        self,
        records: int,
        name_of_greenlet: Callable[..., tuple[str, int]],
        name_of_thread: Callable[[int], str],
        libraries: tuple[str, ...],
    ) -> None:
        self.records: deque[tuple[int, ...]] = deque(maxlen=records)
        self.count = 0
        self.name_of_greenlet = name_of_greenlet
        self.name_of_thread = name_of_thread
        self.libraries = libraries
        self.known: dict[int, Known] = {}  # by the id of the greenlet
        self.numbers = 0
        self.threads: list[InThread] = []
        self.local = _thread._local()
        self.lock = _thread.RLock()  # threads count in the same places
        self.idents = set(sys._current_frames())  # of the threads that are there
        self.names = [""]
        self.number_of_name: dict[str, int] = {}
        self.statistics = [[0, 0, 0]]  # by name: arrivals, ran, the longest stretch
        self.stretches: list[tuple[int, ...]] = []  # length, begin, greenlet, name, thread
        self.codes: list[CodeType] = []
        self.number_of_code: dict[CodeType, int] = {}
        self.labels: dict[int, tuple[object, int]] = {}  # by the id of the value
        self.created = self.ended = 0
        self.pid = os.getpid()
        self.begin = monotonic_ns()

    def add(self, *record: int) -> None:
        self.count += 1
        self.records.append(record)

    def name(self, text: str) -> int:
        number = self.number_of_name.get(text)
        if number is None:
            number = self.number_of_name[text] = len(self.names)
            self.names.append(text)
            self.statistics.append([0, 0, 0])
        return number

    def here(self) -> InThread:
        found: InThread | None = getattr(self.local, "here", None)
        if found is None:
            ident = _thread.get_ident()
            number = len(self.threads) + 1
            is_new = ident not in self.idents
            self.idents.discard(ident)  # another thread may get it
            begin = monotonic_ns() if is_new else self.begin
            found = InThread(number, self.name(self.name_of_thread(ident)), begin)
            self.threads.append(found)
            self.local.here = found
            if is_new:
                self.add(begin, 0, 0, THREAD_BEGIN | number << 8, 0, 0, 0)
        return found

    def meet(self, each: greenlet, *details: Any) -> Known:
        """What is known of a greenlet; its name is asked for if it runs, or has run."""
        key = id(each)
        known = self.known.get(key)
        if known is None or known.reference() is not each:
            self.numbers += 1
            known = self.known[key] = Known(self.numbers, ref(each, self.forget_later(key)))
        if not known.name and details != (None,):
            text, known.loop = self.name_of_greenlet(each, *details)
            known.name = self.name(text)
        return known

    def forget_later(self, key: int) -> Callable[[object], None]:
        def forget(reference: object) -> None:
            with self.lock:
                known = self.known.get(key)  # it may be another's, which has got the address
                if known is not None and known.reference is reference:
                    del self.known[key]
                    if not known.has_ended:
                        self.add(monotonic_ns(), known.number, 0, FREE, 0, 0, known.name)

        return forget

    def place(self, frame: FrameType | None) -> tuple[int, int]:
        for _ in range(PLACES_UP):
            if frame is None:
                break
            code = frame.f_code
            number = self.number_of_code.get(code)
            if number is None:
                is_library = any(each in code.co_filename for each in self.libraries)
                if not is_library:
                    self.codes.append(code)
                number = self.number_of_code[code] = 0 if is_library else len(self.codes)
            if number:
                return number, frame.f_lineno or 0
            frame = frame.f_back
        return 0, 0

    def watch(self, event: GreenletEvent) -> None:
        """The watcher."""
        with self.lock:
            self.record(event, sys._getframe(1))

    def record(self, event: GreenletEvent, frame: FrameType) -> None:
        time = monotonic_ns()
        thread = self.here()
        if event.name == "create":
            self.created += 1
            assert event.origin is not None
            origin = self.meet(event.origin).number
            number = self.meet(event.greenlet, None).number
            kind = CREATE | thread.number << 8
            self.add(time, number, origin, kind, *self.place(frame), 0)
        elif event.name == "end":
            self.ended += 1
            known = self.meet(event.greenlet)
            known.has_ended = True
            self.add(time, known.number, 0, END | thread.number << 8, 0, 0, known.name)
        else:
            self.arrive(event, thread, time, frame)

    def arrive(self, event: GreenletEvent, thread: InThread, time: int, frame: FrameType) -> None:
        assert event.origin is not None
        origin = self.meet(event.origin)
        details = ((), event.run) if event.name == "start" else ()
        target = self.meet(event.greenlet, *details)
        thread.arrivals += 1
        self.statistics[target.name][0] += 1
        begin, length = thread.arrived_at, time - thread.arrived_at
        thread.arrived_at = time
        statistics = self.statistics[origin.name]
        statistics[1] += length
        statistics[2] = max(statistics[2], length)
        if not origin.loop and (len(self.stretches) < 10 or length > self.stretches[-1][0]):
            self.stretches.append((length, begin, origin.number, origin.name, thread.number))
            self.stretches.sort(reverse=True)
            del self.stretches[10:]
        label = self.labels.get(id(event.value)) if self.labels else None
        is_labelled = label is not None and label[0] is event.value
        place = (0, 0) if event.name == "start" else self.place(frame)
        self.add(
            time, target.number, origin.number, _KINDS[event.name] | thread.number << 8, *place,
            label[1] if label is not None and is_labelled else 0,
        )  # fmt: skip


_recorder: Recorder | None = None


def start(records: int, *functions: Any) -> None:
    """See timeline_start in switchlib/_mechanism.py. It records at least one record."""
    global _recorder
    if _recorder is not None:
        raise RuntimeError("a timeline is being recorded already")
    if records > sys.maxsize // 64:
        raise ValueError("the number of records is out of range")
    _recorder = Recorder(_power_of_two(records), *functions)
    add_watcher(_recorder.watch)


def stop(_counts_on: bool) -> dict[str, Any]:
    """See timeline_stop in switchlib/_mechanism.py."""
    global _recorder
    if _recorder is None:
        raise RuntimeError("no timeline is being recorded")
    recorder, _recorder = _recorder, None
    try:
        remove_watcher(recorder.watch)
    except ValueError:
        print("switchlib: the recorder has failed", file=sys.stderr)
    for known in list(recorder.known.values()):
        each = known.reference()
        if each is not None and not known.name:  # it has not started
            known.name = recorder.name(recorder.name_of_greenlet(each)[0])
    stretches = [STRETCH.pack(*each) for each in recorder.stretches]
    slots = [SLOT.pack(k.number, k.name, 0, k.has_ended, k.loop) for k in recorder.known.values()]
    return {
        "records": list(recorder.records),
        "slots": b"".join(slots),
        "statistics": b"".join(STATISTICS.pack(*each) for each in recorder.statistics),
        "threads": [(t.number, t.native_id, t.name, t.arrivals) for t in recorder.threads],
        "names": recorder.names,
        "codes": recorder.codes,
        "longest": b"".join(stretches),
        "dropped": recorder.count - len(recorder.records),
        "begin": recorder.begin,
        "end": monotonic_ns(),
        "created": recorder.created,
        "ended": recorder.ended,
    }


def counts() -> tuple[int, int, int, int, int] | None:
    """See timeline_counts in switchlib/_mechanism.py."""
    found = _recorder
    if found is None:
        return None
    arrivals = sum(thread.arrivals for thread in found.threads)
    dropped = found.count - len(found.records)
    return monotonic_ns() - found.begin, arrivals, found.created, found.ended, dropped


def mark(text: str) -> None:
    """See switchlib.mark."""
    if type(text) is not str:
        raise TypeError(f"a mark's text must be a str, not {type(text).__name__}")
    found = _recorder
    if found is not None:
        with found.lock:
            known, thread = found.meet(getcurrent()), found.here()
            place = found.place(sys._getframe(1))
            kind = MARK | thread.number << 8
            found.add(monotonic_ns(), known.number, 0, kind, *place, found.name(text))


def label(value: Any, text: str) -> Any:
    """See switchlib.label."""
    if not isinstance(text, str):
        raise TypeError(f"a label must be a str, not {type(text).__name__}")
    found = _recorder
    if found is not None:
        with found.lock:
            found.labels[id(value)] = value, found.name(text)
            if len(found.labels) > MOST_LABELLED:
                del found.labels[next(iter(found.labels))]
    return value


def _power_of_two(number: int) -> int:
    return 1 << max(number - 1, 0).bit_length()
