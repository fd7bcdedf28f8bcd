"""Damages what was read of a process, as often as wanted, and reads it."""

from __future__ import annotations

import random
import signal
import struct
import time
from collections import Counter

from switchlib.introspection import render
from switchlib.introspection.errors import IntrospectionError
from switchlib.introspection.memory import Memory
from switchlib.introspection.process import Process
from switchlib.introspection.reader import Reader
from switchlib.introspection.table import COOKIE, Table, parse

PATIENCE = 20  # seconds for a reading of what is damaged


class Copy(Memory):
    """What was read of a process, in writable blocks. `words` are the addresses that are read."""

    def __init__(self, original: Memory) -> None:
        super().__init__()
        self.words: set[int] = set()
        for block in original.blocks():
            if block.was_read:
                self.add(block.start, bytearray(block.data))

    def read(self, address: int, size: int) -> bytes:
        if not self.is_noted:
            self._note(address, size)
        return super().read(address, size)

    def unpack(self, form: struct.Struct, address: int) -> tuple:
        if not self.is_noted:
            self._note(address, form.size)
        return super().unpack(form, address)

    is_noted = False

    def _note(self, address: int, size: int) -> None:
        self.words.update(range(address & ~7, address + min(size, 1000), 8))


def read_all(memory: Memory, table: Table) -> Process:
    """Reads and prints all that there is."""
    found = Process(memory, table, 1)
    found.load()
    list(render.ps(found))
    list(render.tree(found))
    list(render.dump(found))
    list(render.dump(found, group=True))
    render.summary(found, "it")
    render.as_json(found, frames=True)
    for each in found.greenlets:
        for frame in each.frames:
            try:
                frame.variables()
                found.objects.attributes(each.address)
            except IntrospectionError:
                pass
    return found


class Damage:
    """Readings of damaged copies of a process; the same for the same seed."""

    def __init__(self, pid: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.counted: Counter[str] = Counter()
        self.slowest = 0.0  # in seconds
        with Reader(pid) as reader:

            def copy(found: Process) -> None:
                read_all(found.memory, found.table)
                self.memory, self.table = Copy(found.memory), found.table

            reader.read(copy)
        for each in read_all(self.memory, self.table).greenlets:  # it must be whole
            for frame, _, _ in each.raw_frames:
                self.memory.words.update(range(frame, frame + 80, 8))
        self.memory.is_noted = True
        self.addresses = sorted(filter(self._is_there, self.memory.words))

    def _is_there(self, address: int) -> bool:
        """Whether there is memory at an address: what is read may be no address of an object."""
        try:
            self.memory.block(address)
        except IntrospectionError:
            return False
        return True

    def once(self) -> None:
        """Damages the copy, reads it, and mends it. Raises what only a mistake can raise."""
        changed = [self._change() for _ in range(self.random.choice((1, 1, 2, 5, 50)))]
        signal.alarm(PATIENCE)
        before = time.perf_counter()
        try:
            found = read_all(self.memory, self.table)
        except IntrospectionError:
            self.counted["refused"] += 1
        else:
            self.counted["marked" if found.notes else "read"] += 1
        finally:
            signal.alarm(0)
            for part, at, old in reversed(changed):
                part[at : at + len(old)] = old
        self.slowest = max(self.slowest, time.perf_counter() - before)

    def table_once(self) -> None:
        """The same with the table of offsets."""
        data = bytearray(COOKIE + struct.pack("<4I", 1, 8, 48, len(self.table)))
        for name, value in self.table.items():
            data += struct.pack("<40sQ", name.encode(), value)
        for _ in range(self.random.choice((1, 2, 5))):
            at = self.random.randrange(16, len(data))
            data[at] ^= 1 << self.random.randrange(8)
        signal.alarm(PATIENCE)
        try:
            found = read_all(self.memory, parse(bytes(data), 0, 0))
        except IntrospectionError:
            self.counted["table refused"] += 1
        else:
            self.counted["table marked" if found.notes else "table read"] += 1
        finally:
            signal.alarm(0)

    def _change(self) -> tuple[bytearray, int, bytes]:
        address = self.random.choice(self.addresses)
        block = self.memory.block(address)
        part, at = block.data, address - block.start
        assert isinstance(part, bytearray)
        old = bytes(part[at : at + 8])
        word = int.from_bytes(old, "little")
        new = self.random.choice(
            (
                word ^ 1 << self.random.randrange(64),
                word ^ 1 << self.random.randrange(24),
                self.random.choice(self.addresses),
                self.random.choice((0, 1, (1 << 31) - 1, (1 << 63) - 1, (1 << 64) - 1)),
                self.random.getrandbits(64),
            )
        )
        part[at : at + 8] = new.to_bytes(8, "little")
        return part, at, old
