"""Pictures of the stacks as they are at this moment: in text, and drawn."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from switchlib import _drawing
from switchlib._greenlet import greenlet
from switchlib._mechanism import is_main, slice_of, state_of

if TYPE_CHECKING:
    from switchlib._mechanism import State

VISIBLE = sys.implementation.name != "pypy"  # there only the interpreter sees the C stack


@dataclass(frozen=True)
class Row:
    """One greenlet's stack slice.

    Sizes are in bytes. None: only the operating system's stack limits it.
    """

    name: str
    state: State
    start: int | None
    stop: int | None
    on_stack: int | None
    in_heap: int

    def __str__(self) -> str:
        if self.start is None:
            return f"{self.name:<5} {self.state}"
        stop = "stack's end" if self.stop is None else f"{self.stop & 0xFFFF_FFFF:08x}"
        size = "all the rest" if self.on_stack is None else f"{self.on_stack} B"
        return (
            f"{self.name:<5} {self.state:<10} {self.start & 0xFFFF_FFFF:08x}  {stop:<11}  "
            f"{size:>12} {self.in_heap:>7} B"
        )


HEADING = f"{'':<5} {'state':<10} {'start':<8}  {'stop':<11}  {'on C stack':>12} {'in heap':>9}"


def rows(greenlets: Mapping[str, greenlet]) -> list[Row]:
    """What is known of each greenlet's slice; the names are the keys."""
    return [_row(name, each) for name, each in greenlets.items()]


def _row(name: str, each: greenlet) -> Row:
    state = state_of(each)
    if state in ("unstarted", "dead") or not VISIBLE:
        return Row(name, state, None, None, None, 0)
    _, start, stop, saved, _, _ = slice_of(each)
    if is_main(each):
        return Row(name, state, start, None, None, saved)
    return Row(name, state, start, stop, stop - start - saved, saved)


def owners(greenlets: Mapping[str, greenlet], first: greenlet) -> list[str]:
    """The chain of owners from `first`, which is running, up: those with bytes on the C stack."""
    known = {slice_of(each)[0]: (name, slice_of(each)[-1]) for name, each in greenlets.items()}
    chain = []
    address = slice_of(first)[0]
    while address:
        name, address = known.get(address, ("?", 0))
        chain.append(name)
    return chain


def picture(greenlets: Mapping[str, greenlet], running: greenlet) -> str:
    """A table of the slices and the chain of owners, for an 80-column terminal."""
    if not VISIBLE:
        return "\n".join([*map(str, rows(greenlets)), "stacks: not visible on PyPy"])
    lines = [HEADING, *(str(row) for row in rows(greenlets))]
    return "\n".join([*lines, f"owners: {' > '.join(owners(greenlets, running))}"])


def drawing(greenlets: Mapping[str, greenlet], title: str, *, styled: bool = True) -> str:
    """The same as an SVG element; see _drawing.stacks."""
    slices = [
        _drawing.Slice(
            row.name, row.state, row.start, row.stop, row.in_heap, has_stack=row.start is not None
        )
        for row in rows(greenlets)
    ]
    return _drawing.stacks(slices, title, styled=styled)
