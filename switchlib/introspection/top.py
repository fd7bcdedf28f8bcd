"""`python -m switchlib top`: which greenlets run, by reading them again and again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import render
from .errors import IntrospectionError
from .names import label
from .options import READINGS
from .process import CURRENT, Process
from .reader import Reader

HEAD = ["SEEN", "GREENLET", "NAME", "THREAD", "MOST OFTEN AT"]


@dataclass
class Seen:
    """How often a greenlet was seen while it ran, and where."""

    address: int
    name: str
    native_id: int
    thread: str = ""
    places: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return sum(self.places.values())


@dataclass
class Screen:
    """What some readings have found, the greenlet that was seen most often first."""

    readings: int
    held: float  # the seconds for which the process was held, in all
    seen: list[Seen]
    has_ended: bool  # the process, meanwhile

    def lines(self, source: str) -> Iterator[str]:
        """As text. `source` says what was read."""
        yield (
            f"{source}: read {self.readings} times, "
            f"held for {1000 * self.held / self.readings:.1f} ms each time"
        )
        yield ""
        cells = [
            [
                f"{each.count / self.readings:.0%}",
                f"{each.address:#x}",
                each.name,
                each.thread or str(each.native_id),
                each.places.most_common(1)[0][0],
            ]
            for each in self.seen
        ]
        yield from render.table(HEAD, cells, right=(0,))

    def as_json(self) -> dict[str, Any]:
        """For programs; see render.as_json."""
        return {
            "version": render.JSON_VERSION,
            "readings": self.readings,
            "held_seconds": self.held,
            "greenlets": [
                {
                    "id": each.address,
                    "seen": each.count / self.readings,
                    "name": each.name,
                    "thread": each.thread,
                    "at": each.places.most_common(1)[0][0],
                }
                for each in self.seen
            ],
        }


def screens(pid: int, interval: float, hold: bool) -> Generator[Screen, None, None]:
    """Screens of a process, until it ends. Between two readings are `interval` seconds."""
    with Reader(pid, hold=hold) as reader:
        has_ended = False
        while not has_ended:
            found = _screen(reader, interval)
            has_ended = found.has_ended
            if found.readings:
                yield found


def _screen(reader: Reader, interval: float) -> Screen:
    seen: dict[int, Seen] = {}
    names: dict[int, str] = {}

    def count(process: Process) -> None:
        if not readings:
            process.name_threads()
            names.update((each.native_id, each.name) for each in process.threads)
        for thread in process.threads:
            for each in thread.greenlets:
                if thread.on_cpu and each.state == CURRENT:
                    found = seen.setdefault(
                        each.address,
                        Seen(each.address, label(each, render.NOTHING), thread.native_id),
                    )
                    found.places[render.place(each)] += 1

    readings, held_before, has_ended = 0, reader.held, False
    try:
        for _ in range(READINGS):
            reader.glance(count)
            readings += 1
            time.sleep(interval)
    except IntrospectionError:
        if reader.is_there():
            raise
        has_ended = True
    for each in seen.values():
        each.thread = names.get(each.native_id, "")
    ordered = sorted(seen.values(), key=lambda each: -each.count)
    return Screen(readings, reader.held - held_before, ordered, has_ended)
