"""Cycles of waiting."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..process import Greenlet, Process
    from .wait import Wait


@dataclass(frozen=True)
class Deadlock:
    """Greenlets that wait for each other: each for the next, the last for the first."""

    members: tuple[Greenlet, ...]
    waits: tuple[Wait, ...]  # of each member
    behind: int  # how many others wait for one of them, directly or not

    @property
    def certain(self) -> bool:
        """Whether nothing but the members can end it: each waits for a lock that its owner alone
        can release, or for the end of another.
        """
        return all(wait.certain and wait.exclusive for wait in self.waits)

    @property
    def left(self) -> float | None:
        """The seconds until the first wait ends by itself; None if none does."""
        return min((each.left for each in self.waits if each.left is not None), default=None)


def find(process: Process) -> list[Deadlock]:
    """The cycles of waiting among the greenlets of a process."""
    following: dict[int, tuple[int, Wait]] = {}
    for each in process.greenlets:
        waits = each.waits
        if len(waits) == 1 and waits[0].certain and waits[0].holder in process.by_address:
            following[each.address] = waits[0].holder, waits[0]
    where: dict[int, int] = {}  # which cycle a greenlet is in, or leads to; -1 is none
    cycles: list[list[int]] = []
    for start in following:
        path: dict[int, None] = {}  # ordered
        address = start
        while address in following and address not in where and address not in path:
            path[address] = None
            address = following[address][0]
        if address in path:
            found = list(path)
            cycles.append(found[found.index(address) :])
            leads_to = len(cycles) - 1
        else:
            leads_to = where.get(address, -1)
        where.update(dict.fromkeys(path, leads_to))
    sizes = Counter(where.values())  # of each cycle, with all that lead to it
    return [
        Deadlock(
            tuple(process.by_address[each] for each in cycle),
            tuple(following[each][1] for each in cycle),
            sizes[i] - len(cycle),
        )
        for i, cycle in enumerate(cycles)
    ]
