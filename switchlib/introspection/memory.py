"""Memory of a process, copied or read on demand, behind one interface."""

from __future__ import annotations

import array
import bisect
import errno
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import maps, permission
from .errors import Unreadable
from .maps import Mapping
from .system import no_memory

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20

# Copies are cut into windows, which lie at multiples of this size. What was not copied is fetched
# by whole windows.
WINDOW_BITS = 14
WINDOW = 1 << WINDOW_BITS
# Two stretches of present pages are copied as one if the gap is at most this, in pages.
GAP = 64
# Mappings up to this size are copied whole.
SMALL = 256 << 10

POINTER = struct.Struct("<Q")
READ_POINTER = POINTER.unpack_from
Buffer = Union[bytes, memoryview]
Range = tuple[int, int]  # from an address to another, which does not belong to it

# Errors of a read from memory that is not there, or not any more.
GONE = (errno.EIO, errno.EFAULT, errno.ESRCH)


class Block:
    """A copy of a stretch of memory."""

    __slots__ = ("data", "size", "start", "was_read")

    def __init__(self, start: int, data: Buffer) -> None:
        self.start = start
        self.size = len(data)
        self.data = data
        self.was_read = False


@dataclass(frozen=True)
class Snapshot:
    """What was read of a process at some time, and what was mapped then."""

    maps: bytes
    blocks: list[Block]


class Memory:
    """Blocks that were copied. A subclass may fetch more of them when they are asked for."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._blocks: list[Block] = []
        self._by_window: dict[int, Block] = {}  # one that was found in each window

    def read(self, address: int, size: int) -> bytes:
        """The `size` bytes at an address. Raises Unreadable if some of them are not there."""
        known = self._by_window.get(address >> WINDOW_BITS)
        if known is not None:
            offset = address - known.start
            if offset >= 0 and 0 <= size <= known.size - offset:
                return bytes(known.data[offset : offset + size])
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
        known = self._by_window.get(address >> WINDOW_BITS)
        if known is not None:
            offset = address - known.start
            if 0 <= offset <= known.size - form.size:
                return form.unpack_from(known.data, offset)
        if 0 <= address < 1 << 64:
            block = self._find(address)
            offset = address - block.start
            if offset + form.size <= block.size:
                return form.unpack_from(block.data, offset)
        return form.unpack(self.read(address, form.size))

    def block(self, address: int) -> Block:
        """The block that an address lies in."""
        known = self._by_window.get(address >> WINDOW_BITS)
        if known is not None and known.start <= address < known.start + known.size:
            return known
        if not 0 <= address < 1 << 64:
            raise Unreadable(address)
        return self._find(address)

    def pointer(self, address: int) -> int:
        """The unsigned number of 8 bytes at an address."""
        known = self._by_window.get(address >> WINDOW_BITS)
        number: int
        if known is not None:
            offset = address - known.start
            if 0 <= offset <= known.size - 8:
                number = READ_POINTER(known.data, offset)[0]
                return number
        number = self.unpack(POINTER, address)[0]
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
        if not self._starts or start > self._starts[-1]:
            self._starts.append(start)
            self._blocks.append(block)
        else:
            i = bisect.bisect(self._starts, start)
            self._starts.insert(i, start)
            self._blocks.insert(i, block)
        return block

    def clear(self) -> None:
        """Forgets all blocks."""
        self._starts.clear()
        self._blocks.clear()
        self._by_window.clear()

    def blocks(self) -> list[Block]:
        """All that was copied, by rising address."""
        return list(self._blocks)

    def _find(self, address: int) -> Block:
        """The block that an address lies in."""
        i = bisect.bisect(self._starts, address) - 1
        if i >= 0:
            block = self._blocks[i]
            if address - block.start < block.size:
                block.was_read = True
                self._by_window[address >> WINDOW_BITS] = block
                return block
        return self._fetch(address)

    def _fetch(self, address: int) -> Block:
        """A block that was not copied so far, for subclasses. It may be a passing one."""
        raise Unreadable(address)


class ProcessMemory(Memory):
    """Memory of a living process. Close it, or use it in a `with` statement.

    It can be read again and again: `begin` forgets what was read. What is asked for is fetched, as
    it is at that time. After a `copy`, what was not copied may be of another moment, unless it is
    read-only: so fetching it sets `was_late`.

    Raises IntrospectionError if there is no such process, or if it may not be read.
    """

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.pid = pid
        self.mappings: list[Mapping] = []
        self.was_late = False
        self._was_copied = self._is_last = False
        self._room = bytearray()  # for copies
        # Copies that have not been cut into windows yet.
        self._pieces: list[tuple[int, memoryview]] = []
        self._maps = b""
        self._map_starts: list[int] = []
        try:
            self._file = open(f"/proc/{pid}/mem", "rb", buffering=0)  # noqa: SIM115
        except (FileNotFoundError, ProcessLookupError):
            raise no_memory(pid) from None
        except PermissionError:
            raise permission.error(pid) from None
        try:
            self.begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ProcessMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """From now on only what was copied can be read."""
        self._file.close()

    def begin(self) -> None:
        """Forgets what was read, and finds out what is mapped now."""
        self.clear()
        self._pieces.clear()
        self.was_late = self._was_copied = self._is_last = False
        try:
            with open(f"/proc/{self.pid}/maps", "rb") as file:
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            text = b""
        except PermissionError:
            raise permission.error(self.pid) from None
        if not text:
            raise no_memory(self.pid)
        if text != self._maps:
            self._maps = text
            self.mappings = maps.parse(os.fsdecode(text).split("\n"))
            self._map_starts = [mapping.start for mapping in self.mappings]

    def mapping(self, address: int) -> Mapping:
        """The mapping that an address lies in; raises Unreadable if there is none."""
        i = bisect.bisect(self._map_starts, address) - 1
        if i < 0 or address >= self.mappings[i].stop:
            raise Unreadable(address)
        return self.mappings[i]

    def data_size(self) -> int:
        """The size of all private writable memory, whether present or not, in bytes."""
        return sum(each.stop - each.start for each in self._data_mappings())

    def data(self) -> list[Range]:
        """All private writable memory that is present."""
        return [each for mapping in self._data_mappings() for each in self._present(mapping)]

    def _data_mappings(self) -> list[Mapping]:
        return [
            each
            for each in self.mappings
            if each.is_private_and_writable and not each.path.startswith("[v")
        ]

    def snapshot(self) -> Snapshot:
        """What has been read since `begin`."""
        return Snapshot(self._maps, [each for each in self._blocks if each.was_read])

    def is_as_in(self, snapshot: Snapshot) -> bool:
        """Whether all that was read then is the same now, and the same memory is mapped."""
        if snapshot.maps != self._maps:
            return False
        try:
            return all(self.read(each.start, each.size) == each.data for each in snapshot.blocks)
        except Unreadable:
            return False

    def ranges_read(self) -> list[Range]:
        """All that has been read since `begin`, by windows."""
        found: list[Range] = []
        for block in self._blocks:
            if block.was_read:
                start, stop = block.start, block.start + block.size
                if found and found[-1][1] == start:
                    found[-1] = found[-1][0], stop
                else:
                    found.append((start, stop))
        return found

    def prepare(self, ranges: Iterable[Range]) -> None:
        """Makes room for copies of these, so that copying takes less time."""
        size = sum(stop - start for start, stop in ranges)
        if size > len(self._room):
            self._room = bytearray(size)
            self._room[::PAGE] = b"x" * len(range(0, size, PAGE))  # now the pages are there

    def copy(self, ranges: Sequence[Range], is_last: bool = False) -> None:
        """Copies these, which rise and do not overlap, as far as they are there. If this `is_last`,
        nothing that may have changed is fetched later: it is Unreadable.
        """
        self.clear()
        self._pieces.clear()
        self._was_copied, self._is_last = True, is_last
        self.prepare(ranges)
        room, at = memoryview(self._room), 0
        for start, stop in ranges:
            while start < stop:
                try:
                    self._file.seek(start)
                    size = self._file.readinto(room[at : at + stop - start])
                except OSError as error:
                    if error.errno not in GONE:
                        raise
                    break
                if not size:
                    break
                self._pieces.append((start, room[at : at + size]))
                start += size
                at += size

    def _find(self, address: int) -> Block:
        if self._pieces:  # here, since the process may be held while they are copied
            for start, data in self._pieces:
                self._add_windows(start, data)
            self._pieces.clear()
        return super()._find(address)

    def _add_windows(self, start: int, data: memoryview) -> None:
        at = 0
        while at < len(data):
            stop = at + WINDOW - (start + at) % WINDOW
            self.add(start + at, data[at:stop])
            at = stop

    def _present(self, mapping: Mapping) -> Iterator[Range]:
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
        mapping = self.mapping(address)
        changes = self._was_copied and mapping.is_writable
        if changes and self._is_last:
            raise Unreadable(address, "memory that changes too fast to be read")
        i = bisect.bisect(self._starts, address)
        start = max(address - address % WINDOW, mapping.start)
        stop = min(address - address % WINDOW + WINDOW, mapping.stop)
        if i:
            start = max(start, self._starts[i - 1] + self._blocks[i - 1].size)
        if i < len(self._starts):
            stop = min(stop, self._starts[i])
        data = self._read_now(start, stop)
        if start + len(data) <= address:  # the first pages are not there
            start = max(start, address - address % PAGE)
            data = self._read_now(start, min(start + PAGE, stop))
        if start + len(data) <= address:  # another copy would not have it, either
            raise Unreadable(address)
        self.was_late = self.was_late or changes
        block = self._by_window[address >> WINDOW_BITS] = self.add(start, data)
        block.was_read = True
        return block

    def _read_now(self, start: int, stop: int) -> bytes:
        if self._file.closed or stop > 1 << 63:  # where the kernel has its own pages
            return b""
        try:
            return os.pread(self._file.fileno(), stop - start, start)
        except OSError as error:
            if error.errno not in GONE:
                raise
            return b""


def union(some: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """What is in any of these ranges; rising, and not overlapping."""
    found: list[Range] = []
    for start, stop in sorted([*some, *others]):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        else:
            found.append((start, stop))
    return found
