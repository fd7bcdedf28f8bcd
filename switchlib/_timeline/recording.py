"""A timeline from what the recorder hands over. csrc/mechanism/timeline.c has the same structs."""

from __future__ import annotations

import os
import re
import sys
from bisect import bisect_right
from struct import Struct

from switchlib._timeline.model import Figures, Mark, Slice, Stretch, Thread, Timeline, Track

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType
    from typing import Any

CREATE, START, SWITCH, THROW, END, FREE, MARK, THREAD_BEGIN, THREAD_END = range(9)
_HOW = {START: "start", SWITCH: "switch", THROW: "throw"}

_LOCALS = re.compile(r"\S*<locals>\.")

RECORD = Struct("=QIIIIiI")  # time, greenlet, origin, kind and thread, code, instruction, detail
SLOT = Struct("=IIIBB2x")  # number, name, the next free one, has_ended, loop
STATISTICS = Struct("=QQQ")  # arrivals, ran, the longest stretch
STRETCH = Struct("=QQIIIxxxx")  # length, begin, greenlet, name, thread


def timeline_of(taken: dict[str, Any]) -> Timeline:
    """The timeline that `timeline_stop` has handed over."""
    return _Builder(taken).timeline


class _Builder:
    def __init__(self, taken: dict[str, Any]) -> None:
        # A function within another: the name of the other is left out.
        self.names: list[str] = [_LOCALS.sub("", name) for name in taken["names"]]
        self.place = _Places(taken["codes"])
        self.timeline = Timeline(
            pid=os.getpid(),
            program=_program(),
            begin=taken["begin"],
            end=taken["end"],
            dropped=taken["dropped"],
            kept_from=taken["begin"],
            created=taken["created"],
            ended=taken["ended"],
        )
        self.name_of = {
            number: self.names[name]
            for number, name, *_ in SLOT.iter_unpack(taken["slots"])
            if number
        }
        self.loops = {number for number, *_, loop in SLOT.iter_unpack(taken["slots"]) if loop}
        self.began: dict[int, int] = {}  # by thread: if that was within what is kept
        self.running: dict[int, Slice] = {}  # by thread: the slice that is not complete yet
        for number, native_id, name, _ in taken["threads"]:
            self.timeline.threads[number] = Thread(number, native_id, self.names[name])
        records = taken["records"]
        self._read(RECORD.iter_unpack(records) if isinstance(records, bytes) else records)
        for slice_ in self.running.values():
            self._complete(slice_, self.timeline.end)
        for number, track in self.timeline.tracks.items():
            track.name = self.name_of.get(number) or "greenlet"
        self._count(taken)

    def _read(self, records: Iterable[tuple[int, ...]]) -> None:
        timeline = self.timeline
        is_first = timeline.dropped > 0
        for record in records:
            if is_first:
                timeline.kept_from, is_first = record[0], False
            time, greenlet, origin, kind_and_thread, code, instruction, detail = record
            kind, thread = kind_and_thread & 255, kind_and_thread >> 8
            if kind in _HOW:
                self._arrive(record, _HOW[kind], thread)
            elif kind == CREATE:
                track = self._track(greenlet, thread, time)
                track.made_by, track.made_at = origin, self.place(code, instruction)
            elif kind in (END, FREE):
                if greenlet not in timeline.tracks and kind == FREE:
                    continue  # it did nothing, and was made before
                track = self._track(greenlet, thread, timeline.kept_from)
                track.end, track.has_ended = time, True
                self.name_of[greenlet] = self.names[detail]
            elif kind == MARK:
                self._track(greenlet, thread, time)
                place = self.place(code, instruction)
                timeline.marks.append(Mark(greenlet, thread, time, self.names[detail], place))
            elif kind == THREAD_BEGIN:
                self.began[thread] = time
            elif kind == THREAD_END:
                timeline.threads[thread] = Thread(thread, greenlet, self.names[detail])
                if thread in self.running:
                    self._complete(self.running.pop(thread), time)

    def _arrive(self, record: Any, how: Any, thread: int) -> None:
        time, greenlet, origin, _, code, instruction, detail = record
        left = self.running.get(thread)
        if left is None:
            begin = self.began.get(thread, self.timeline.kept_from)
            left = Slice(origin, thread, begin, 0, None, 0, "", "")
        self._complete(left, time)
        place = self.place(code, instruction)
        self.running[thread] = Slice(
            greenlet, thread, time, 0, how, origin, place, self.names[detail]
        )
        track = self._track(greenlet, thread, self.timeline.kept_from if how != "start" else time)
        track.thread = thread

    def _complete(self, slice_: Slice, time: int) -> None:
        slice_.end = max(time, slice_.begin)
        self.timeline.slices.append(slice_)
        self.timeline.threads.setdefault(
            slice_.thread, Thread(slice_.thread, 0, f"thread {slice_.thread}")
        )
        # A time is read before a greenlet gets its name, which may take long.
        track = self._track(slice_.greenlet, slice_.thread, slice_.begin)
        track.begin, track.end = min(track.begin, slice_.begin), max(track.end, slice_.end)

    def _track(self, number: int, thread: int, begin: int) -> Track:
        track = self.timeline.tracks.get(number)
        if track is None:
            track = self.timeline.tracks[number] = Track(
                number, "", thread, begin, self.timeline.end
            )
        return track

    def _count(self, taken: dict[str, Any]) -> None:
        statistics = list(STATISTICS.iter_unpack(taken["statistics"]))
        for name, (switches, ran, longest) in zip(self.names, statistics):
            if switches or ran:
                self.timeline.figures.append(Figures(name or "greenlet", switches, ran, longest))
        threads, longest = self.timeline.threads, self.timeline.longest
        for length, begin, _, name, thread in STRETCH.iter_unpack(taken["longest"]):
            if length:
                where = threads[thread].name if thread in threads else f"thread {thread}"
                name_ = self.names[name] or "greenlet"
                longest.append(Stretch(name_, where, begin, length))
        figures = {each.name: each for each in self.timeline.figures}
        for last in self.running.values():  # which the recorder has not counted
            name_ = self.timeline.tracks[last.greenlet].name
            length = last.end - last.begin
            figures[name_].ran += length
            figures[name_].longest = max(figures[name_].longest, length)
            if last.greenlet not in self.loops:
                longest.append(Stretch(name_, threads[last.thread].name, last.begin, length))
        longest.sort(key=lambda each: -each.length)


class _Places:
    """The text for a place, by the number of its code and its instruction."""

    def __init__(self, codes: list[CodeType]) -> None:
        self.codes = codes
        self.lines: dict[int, tuple[list[int], list[int | None]]] = {}
        self.texts: dict[tuple[int, int], str] = {}

    def __call__(self, number: int, instruction: int) -> str:
        if not number:
            return ""
        text = self.texts.get((number, instruction))
        if text is None:
            code = self.codes[number - 1]
            line = self.line(number, instruction)
            name = getattr(code, "co_qualname", code.co_name)  # 3.11
            text = f"{code.co_filename}:{line} {name}"
            self.texts[number, instruction] = text
        return text

    def line(self, number: int, instruction: int) -> int:
        if sys.implementation.name == "pypy":
            return instruction  # its recorder notes the line instead
        code = self.codes[number - 1]
        if number not in self.lines:
            begins, lines = [], []
            for begin, _, line in code.co_lines():
                begins.append(begin)
                lines.append(line)
            self.lines[number] = begins, lines
        begins, lines = self.lines[number]
        at = bisect_right(begins, instruction) - 1
        line = lines[at] if at >= 0 else None
        return code.co_firstlineno if line is None else line


def _program() -> str:
    arguments = getattr(sys, "orig_argv", sys.argv)
    return " ".join([os.path.basename(arguments[0]), *arguments[1:]]) if arguments else "python"
