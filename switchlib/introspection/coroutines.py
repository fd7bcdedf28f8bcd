"""What coroutines stand at, and what they await."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import Unreadable

if TYPE_CHECKING:
    from .process import Frame, Process
    from .referents import Referents

INT = struct.Struct("<i")
MOST_AWAITED = 1000  # of coroutines that await each other

# Their first field is what they stand for.
WRAPPERS = (
    "coroutine_wrapper",
    "async_generator_asend",
    "async_generator_athrow",
    "_asyncio.FutureIter",
)
TASKS = ("_asyncio.Task", "asyncio.tasks.Task")
FUTURES = ("_asyncio.Future", "asyncio.futures.Future", *TASKS)
# From 3.15 on the index of an iterator may lie above what is awaited.
ON_TOP = 3


class Coroutines:
    """Reads coroutines, also generators that are awaited."""

    def __init__(self, process: Process) -> None:
        self._process = process
        table = process.table
        self._types = tuple(
            table[f"types.{each}"] for each in ("coroutine", "generator", "async_generator")
        )

    @property
    def _referents(self) -> Referents:
        return self._process.referents

    def is_coroutine(self, address: int) -> bool:
        """Whether an object is one."""
        own = self._referents.class_of(address)
        return own is not None and own.address in self._types

    def is_future(self, address: int) -> bool:
        """Whether an object is a future of asyncio, such as a task."""
        return self._referents.is_a(address, FUTURES)

    def is_task(self, address: int) -> bool:
        """Whether an object is a task of asyncio."""
        return self._referents.is_a(address, TASKS)

    def frame_at(self, coroutine: int) -> int:
        """The address of a coroutine's frame; 0 if it has ended."""
        table = self._process.table
        if self._process.objects.python >= (3, 11):
            return coroutine + table["generator.gi_iframe"]
        return self._process.memory.pointer(coroutine + table["generator.gi_frame"])

    def frame(self, coroutine: int) -> Frame | None:
        """Where a coroutine stands; None if it has ended or cannot be read."""
        table = self._process.table
        try:
            if "generator.cleared" in table:
                state = self._process.memory.read(coroutine + table["generator.gi_frame_state"], 1)
                if state[0] == table["generator.cleared"]:
                    return None
            return self._process.frame_at(self.frame_at(coroutine))
        except Unreadable:
            return None

    def awaited(self, frame: Frame) -> int:
        """What a suspended coroutine with this frame awaits; 0 if that is not known."""
        try:
            return next(self._on_top(frame), 0)
        except Unreadable:
            return 0

    def _on_top(self, frame: Frame) -> Iterator[int]:
        """What lies on top of an evaluation stack and can be awaited."""
        referents = self._referents
        used = self._stack_size(frame)
        for word in referents.operands(frame)[::-1][:used][: -ON_TOP - 1 : -1]:
            for _ in range(len(WRAPPERS)):
                own = referents.class_of(word)
                if own is None or own.full_name not in WRAPPERS:
                    break
                word = next(iter(referents.fields(word)), 0)
            if self.is_coroutine(word) or self.is_future(word):
                yield word

    def _stack_size(self, frame: Frame) -> int:
        """How many values a suspended coroutine's evaluation stack has."""
        table, memory = self._process.table, self._process.memory
        start = self._process.objects.variables_at(frame.address)
        count = self._process.objects.variable_count(frame.code)
        if "frame.stackpointer" in table:
            used = (
                memory.pointer(frame.address + table["frame.stackpointer"]) - start
            ) // 8 - count
        elif "frame.stacktop" in table:
            used = memory.unpack(INT, frame.address + table["frame.stacktop"])[0] - count
        else:
            used = memory.unpack(INT, frame.address + table["frame_object.f_stackdepth"])[0]
        return max(used, 0)
