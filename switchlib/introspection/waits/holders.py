"""Who holds a lock that does not know its owner: a greenlet that is inside of `with lock:`.

While it is there, the lock's `__exit__` lies on the frame's evaluation stack, below the depth to
which an exception would unwind it. What lies there is certain to be valid.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import TYPE_CHECKING

from ..errors import Unreadable

if TYPE_CHECKING:
    from ..process import Process
    from .links import Links

EXIT = "__exit__"
MOST_BLOCKS = 20  # CO_MAXBLOCKS of CPython 3.10
INT = struct.Struct("<i")

Entries = list[tuple[int, int, int]]  # offsets of the first and behind the last instruction; depth


class Holders:
    """Finds who is inside of `with lock:`."""

    def __init__(self, process: Process, links: Links) -> None:
        self._process = process
        self._referents = process.referents
        self._links = links
        self._of_code: dict[int, Entries] = {}
        self._holders: dict[int, list[int]] | None = None

    def of(self, lock: int) -> list[int]:
        """The addresses of the greenlets inside of `with lock:`."""
        if self._holders is None:
            self._holders = defaultdict(list)
            for greenlet in self._process.greenlets:
                frames = () if greenlet.changed else greenlet.raw_frames
                for held in {each for frame in frames for each in self._held(*frame)}:
                    self._holders[held].append(greenlet.address)
        return self._holders.get(lock, [])

    def _held(self, address: int, code: int, instruction: int) -> list[int]:
        """The locks whose `with` a frame is inside of."""
        try:
            depth = self._depth(address, code, instruction)
            frame = self._process._frame(address, code, instruction) if depth > 0 else None
            if frame is None:
                return []
            words = self._referents.operands(frame)[::-1][:depth]
            return [
                held
                for below, word in zip([0, *words], words)
                if (held := self._leaves(below, word)) and self._links.kind(held) is not None
            ]
        except Unreadable:
            return []

    def _leaves(self, below: int, word: int) -> int:
        """The object whose `__exit__` a word is, or the object above it; 0 if it is neither."""
        bound, name = self._referents.method(word)
        if bound:
            return bound if name == EXIT else 0
        if self._process.objects.python >= (3, 14) and below:
            # The function, and above it what it is to be called with.
            return word if self._referents.name_of(below) == EXIT else 0
        return 0

    def _depth(self, frame: int, code: int, instruction: int) -> int:
        """How many values an exception would leave on a frame's evaluation stack."""
        process = self._process
        if process.objects.python < (3, 11):
            return self._depth_310(frame)
        if code not in self._of_code:
            self._of_code[code] = self._entries(code)
        entries = self._of_code[code]
        offset = instruction - process.objects.code(code).start if entries else 0
        return next((depth for start, stop, depth in entries if start <= offset < stop), -1)

    def _entries(self, code: int) -> Entries:
        process = self._process
        offset = process.table.get("code.co_exceptiontable")
        if offset is None:
            return []
        table = process.objects.data(process.memory.pointer(code + offset))
        return decode(table)

    def _depth_310(self, frame: int) -> int:
        table, memory = self._process.table, self._process.memory
        if "frame_object.f_iblock" not in table:
            return -1
        count = memory.unpack(INT, frame + table["frame_object.f_iblock"])[0]
        if not 0 < count <= MOST_BLOCKS:
            return -1
        block = frame + table["frame_object.f_blockstack"]
        block += (count - 1) * table["block.size"]
        depth: int = memory.unpack(INT, block + table["block.b_level"])[0]
        return depth


def decode(table: bytes) -> Entries:
    """An exception table of CPython from 3.11 on (InternalDocs/exception_handling.md)."""
    numbers: list[int] = []
    at = 0
    while at < len(table):
        value = table[at] & 63
        while table[at] & 64:
            at += 1
            if at == len(table):
                return []
            value = value << 6 | table[at] & 63
        at += 1
        numbers.append(value)
    groups = zip(numbers[::4], numbers[1::4], numbers[3::4])
    return [(2 * start, 2 * (start + size), depth >> 1) for start, size, depth in groups]
