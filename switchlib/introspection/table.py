"""The table of offsets in the C extension of a process: csrc/mechanism/debug_offsets.h."""

from __future__ import annotations

import operator
import re
import struct
from collections.abc import Iterable
from typing import Any, Callable

from .errors import IntrospectionError, NotFound, Unreadable
from .memory import Memory

COOKIE = b"switchlib-table\0"
VERSION = 1
LARGEST_OFFSET = 1 << 20
HEADER = struct.Struct("<16s4I")
ENTRY = struct.Struct("<40sQ")

MODULE = re.compile(r"/_switch\b[^/]*\.so( \(deleted\))?$")


class Table(dict[str, int]):
    """The entries by their names. Of a missing one it says so by an IntrospectionError."""

    def __init__(self, address: int) -> None:
        super().__init__()
        self.address = address
        self._records: dict[tuple[str, ...], Record] = {}

    def __missing__(self, name: str) -> int:
        raise IntrospectionError(
            f"the process's switchlib does not describe {name!r}: it is of another version"
        )

    def record(self, *names: str) -> Record:
        """Some fields of a structure."""
        if names not in self._records:
            self._records[names] = Record(self, *names)
        return self._records[names]

    @property
    def python(self) -> tuple[int, int]:
        """The process's version of Python."""
        return self["python.version"] >> 24, self["python.version"] >> 16 & 0xFF


def find(memory: Memory, ranges: Iterable[tuple[int, int]]) -> Table:
    """The table, which lies in one of these ranges of addresses.

    Raises NotFound if it is not there, and IntrospectionError if it is of another version.
    """
    for start, stop in ranges:
        try:
            data = memory.read(start, stop - start)
        except Unreadable:
            continue
        at = data.find(COOKIE)
        while at >= 0:
            if (start + at) % 16 == 0:
                return parse(data, at, start + at)
            at = data.find(COOKIE, at + 1)
    raise NotFound(
        "its switchlib has no table for readers: it is older, or is being imported just now"
    )


def parse(data: bytes, at: int, address: int) -> Table:
    """The table at this place of some memory, which is at this address."""
    if at + HEADER.size > len(data):
        raise IntrospectionError("the table of switchlib is damaged")
    _, version, pointer_size, entry_size, count = HEADER.unpack_from(data, at)
    if version != VERSION:
        raise IntrospectionError(
            f"the process's switchlib has a table of version {version}, this one reads {VERSION}: "
            "use the switchlib of the process"
        )
    if pointer_size != 8:
        raise IntrospectionError("the process is a 32-bit one, which cannot be read")
    at += HEADER.size
    if entry_size < ENTRY.size or at + count * entry_size > len(data):
        raise IntrospectionError("the table of switchlib is damaged")
    found = Table(address)
    for i in range(count):
        name, value = ENTRY.unpack_from(data, at + i * entry_size)
        found[name.rstrip(b"\0").decode("ascii", "replace")] = value
    return found


class Record:
    """Some fields of a structure, read at once.

    `names` are those of the table. After a colon comes a format as of the module struct, by
    default Q.
    """

    def __init__(self, table: Table, *names: str) -> None:
        fields = []
        for i, each in enumerate(names):
            name, _, form = each.partition(":")
            fields.append((table[name], form or "Q", i))
        fields.sort()
        text, at = "<", 0
        for offset, form, _ in fields:
            if not at <= offset < LARGEST_OFFSET:
                raise IntrospectionError(f"the table of switchlib is damaged: {offset} in {names}")
            text += f"{offset - at}x{form}"
            at = offset + struct.calcsize("<" + form)
        self.form = struct.Struct(text)
        order = [i for _, _, i in fields]
        # From the values in the order of the offsets makes those in the order of the names.
        self.pick: Callable[[tuple[Any, ...]], Any] = operator.itemgetter(
            *(order.index(i) for i in range(len(names)))
        )

    def read(self, memory: Memory, address: int) -> Any:
        """The values in the order of the names; of a single name the value itself."""
        return self.pick(memory.unpack(self.form, address))
