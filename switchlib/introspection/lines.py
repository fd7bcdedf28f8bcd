"""Which line an instruction belongs to: the line tables of code objects.

Offsets are in bytes from the first instruction. A table is decoded into two lists: where each
range of instructions ends, and its line, which is None where there is none.
"""

from __future__ import annotations

import bisect
from typing import Optional

Lines = tuple[list[int], list[Optional[int]]]

# Kinds of entries in a table of locations, from 3.11 on (InternalDocs/code_objects.md).
ONE_LINE = range(10, 13)
NO_COLUMNS = 13
LONG = 14
NONE = 15


def line_at(lines: Lines, offset: int) -> int | None:
    """The line of the instruction at an offset; None if there is none."""
    stops, numbers = lines
    i = bisect.bisect(stops, offset)
    return numbers[i] if offset >= 0 and i < len(numbers) else None


def decode_310(table: bytes, first: int) -> Lines:
    """The table of CPython 3.10 (PEP 626), of code that begins at line `first`."""
    stops: list[int] = []
    numbers: list[int | None] = []
    line, stop = first, 0
    for i in range(0, len(table) - 1, 2):
        size, delta = table[i], table[i + 1]
        if delta == 0x80:  # no line
            number = None
        else:
            line += delta - 256 if delta > 0x80 else delta
            number = line
        if size:
            stop += size
            stops.append(stop)
            numbers.append(number)
    return stops, numbers


def decode_311(table: bytes, first: int) -> Lines:
    """The table of CPython from 3.11 on (PEP 657), of code that begins at line `first`."""
    stops: list[int] = []
    numbers: list[int | None] = []
    line, stop, at = first, 0, 0
    try:
        while at < len(table):
            head = table[at]
            at += 1
            kind = head >> 3 & 15
            if kind == NONE:
                pass
            elif kind == LONG:
                delta, at = _signed(table, at)
                line += delta
                for _ in range(3):  # the last line, the columns
                    _, at = _unsigned(table, at)
            elif kind == NO_COLUMNS:
                delta, at = _signed(table, at)
                line += delta
            elif kind in ONE_LINE:
                line += kind - ONE_LINE.start
                at += 2
            else:
                at += 1
            stop += 2 * ((head & 7) + 1)
            stops.append(stop)
            numbers.append(None if kind == NONE else line)
    except IndexError:  # the table is damaged
        pass
    return stops, numbers


def _unsigned(table: bytes, at: int) -> tuple[int, int]:
    """A number in groups of six bits, the lowest first; and where the next entry is."""
    value, shift = 0, 0
    while True:
        group = table[at]
        at += 1
        if shift > 60:
            raise IndexError  # damage
        value |= (group & 63) << shift
        shift += 6
        if not group & 64:
            return value, at


def _signed(table: bytes, at: int) -> tuple[int, int]:
    value, at = _unsigned(table, at)
    return (-(value >> 1) if value & 1 else value >> 1), at
