"""Memory of a process, copied or read on demand, behind one interface."""

from __future__ import annotations

import array
import bisect
import errno
import os
import struct
from collections.abc import Iterator
from typing import Any, Union

from . import maps, permission
from .errors import IntrospectionError, Unreadable
from .maps import Mapping

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20

# Pieces of this size are copied at once.
PIECE = 64 * MIB
# Two stretches of present pages are copied as one if the gap is at most this, in pages.
GAP = 64
# Mappings up to this size are copied whole.
SMALL = 256 << 10

POINTER = struct.Struct("<Q")
Buffer = Union[bytes, memoryview]


class Block:
    """A copy of a stretch of memory."""

    __slots__ = ("data", "size", "start")

    def __init__(self, start: int, data: Buffer) -> None:
        self.start = start
        self.size = len(data)
        self.data = data


class Memory:
    """Blocks that were copied. A subclass may fetch more of them when they are asked for."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._blocks: list[Block] = []
        self._last = Block(0, b"")

    def read(self, address: int, size: int) -> bytes:
        """The `size` bytes at an address. Raises Unreadable if some of them are not there."""
        last = self._last
        offset = address - last.start
        if offset >= 0 and offset + size <= last.size:
            return bytes(last.data[offset : offset + size])
        if size < 0 or address < 0 or address + size > 1 << 64:
            raise Unreadable(address)
        pieces = []
        while size > 0:
            block = self._find(address)
            offset = address - block.start
            piece = bytes(block.data[offset : offset + size])
            pieces.append(piece)
            address += len(piece)
            size -= len(piece)
        return b"".join(pieces)

    def unpack(self, form: struct.Struct, address: int) -> tuple[Any, ...]:
        """What a structure holds at an address."""
        last = self._last
        offset = address - last.start
        if offset >= 0 and offset + form.size <= last.size:
            return form.unpack_from(last.data, offset)
        if 0 <= address < 1 << 64:
            block = self._find(address)
            offset = address - block.start
            if offset + form.size <= block.size:
                return form.unpack_from(block.data, offset)
        return form.unpack(self.read(address, form.size))

    def pointer(self, address: int) -> int:
        """The unsigned number of 8 bytes at an address."""
        number: int = self.unpack(POINTER, address)[0]
        return number

    def text(self, address: int, limit: int = 1024) -> str:
        """The text of C at an address, which ends at a zero byte or after `limit` bytes."""
        found = b""
        while len(found) < limit:
            here = address + len(found)
            piece = self.read(here, min(64, PAGE - here % PAGE))
            end = piece.find(b"\0")
            if end >= 0:
                return (found + piece[:end]).decode("utf-8", "replace")
            found += piece
        return found[:limit].decode("utf-8", "replace")

    def add(self, start: int, data: Buffer) -> Block:
        """Adds a block, which must not overlap another one."""
        block = Block(start, data)
        i = bisect.bisect(self._starts, start)
        self._starts.insert(i, start)
        self._blocks.insert(i, block)
        return block

    def blocks(self) -> list[Block]:
        """All that was copied, by rising address."""
        return list(self._blocks)

    def _find(self, address: int) -> Block:
        """The block that an address lies in."""
        i = bisect.bisect(self._starts, address) - 1
        if i >= 0:
            block = self._blocks[i]
            if address - block.start < block.size:
                self._last = block
                return block
        return self._fetch(address)

    def _fetch(self, address: int) -> Block:
        """A block that was not copied so far, for subclasses. It may be a passing one."""
        raise Unreadable(address)


class ProcessMemory(Memory):
    """Memory of a living process. Close it, or use it in a `with` statement.

    What was not copied is fetched when it is asked for: while the process is held any page of it,
    otherwise read-only ones alone, since the rest has changed. Raises IntrospectionError if
    there is no such process, or if it may not be read.
    """

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.pid = pid
        self.is_held = False
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
                self.mappings = maps.parse(file)
            self._file = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, ProcessLookupError):
            raise IntrospectionError(f"there is no process {pid}") from None
        except PermissionError:
            raise permission.error(pid) from None
        self._map_starts = [mapping.start for mapping in self.mappings]
        self._passing: dict[int, Block] = {}

    def __enter__(self) -> ProcessMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """From now on only what was copied can be read."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def mapping(self, address: int) -> Mapping:
        """The mapping that an address lies in; raises Unreadable if there is none."""
        i = bisect.bisect(self._map_starts, address) - 1
        if i < 0 or address >= self.mappings[i].stop:
            raise Unreadable(address)
        return self.mappings[i]

    def copy(self, limit: int) -> bool:
        """Copies all private writable memory that is present, up to `limit` bytes.
        Returns whether that was all; if not, nothing was copied.
        """
        ranges = [
            each
            for mapping in self.mappings
            if mapping.is_private_and_writable and not mapping.path.startswith("[v")
            for each in self._present(mapping)
        ]
        if sum(stop - start for start, stop in ranges) > limit:
            return False
        for start, stop in ranges:
            for piece in range(start, stop, PIECE):
                self.copy_range(piece, min(piece + PIECE, stop))
        return True

    def copy_range(self, start: int, stop: int) -> None:
        """Copies a range, as far as it is there."""
        while start < stop:
            try:
                data = os.pread(self._file, stop - start, start)
            except OSError:
                return
            if not data:
                return
            self.add(start, data)
            start += len(data)

    def _present(self, mapping: Mapping) -> Iterator[tuple[int, int]]:
        """The ranges of a mapping that are in memory or swapped out: others are all zeros, or as
        they are in the file.
        """
        if mapping.stop - mapping.start <= SMALL or (
            mapping.path and not mapping.path.startswith("[")
        ):
            yield mapping.start, mapping.stop
            return
        try:
            with open(f"/proc/{self.pid}/pagemap", "rb") as file:
                file.seek(mapping.start // PAGE * 8)
                entries = array.array("Q", file.read((mapping.stop - mapping.start) // PAGE * 8))
        except OSError:
            yield mapping.start, mapping.stop
            return
        there = bytes(entry >> 62 != 0 for entry in entries)  # a byte for each page
        start = there.find(1)
        while start >= 0:
            stop = there.find(bytes(GAP), start)
            stop = len(there) if stop < 0 else stop
            yield mapping.start + start * PAGE, mapping.start + stop * PAGE
            start = there.find(1, stop)

    def _fetch(self, address: int) -> Block:
        start = address - address % PAGE
        found = self._passing.get(start)
        if found is None:
            mapping = self.mapping(address)
            if self._file < 0 or not (self.is_held or not mapping.is_private_and_writable):
                raise Unreadable(address)
            try:
                data = os.pread(self._file, PAGE, start)
            except OSError as error:
                if error.errno not in (errno.EIO, errno.EFAULT, errno.ESRCH):
                    raise
                data = b""
            if not data:
                raise Unreadable(address)
            found = self._passing[start] = Block(start, data)
        self._last = found
        return found
