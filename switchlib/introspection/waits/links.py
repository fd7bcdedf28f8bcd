"""Whom an object will resume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import Unreadable
from ..objects import TUPLE

if TYPE_CHECKING:
    from ..process import Process

RESUMES = ("switch", "switch_args", "__call__")
THROWS = "throw"
DEEPEST = 4
MOST_BASES = 12


@dataclass(frozen=True)
class Kind:
    """How a class keeps the greenlets that wait for its objects.

    name:       what it is called for people
    rank:       which of several objects is named: the highest, since an RLock has a semaphore
    held_in:    the attributes that lead to the greenlets; if there are none, its fields are looked
                at, in which lists of callbacks are found, or one callback if `is_watcher`
    owner:      the attribute with its owner: a greenlet or the ident of one
    is_lock:    what has acquired it alone can release it
    """

    name: str
    rank: int
    held_in: tuple[str, ...] = ()
    is_watcher: bool = False
    owner: str = ""
    is_lock: bool = False


SLEEP = "end of sleep"  # what a timer's Kind is called

# Not waited for itself, but in the lists of what is: it leads to one greenlet.
WAITER = Kind("waiter", 0)

# Not waited for either: it ends a wait.
TIMEOUT = Kind("timeout", 0, ("timer",))


class Links:
    """Finds the greenlets that an object will resume. `kinds` are the classes by full names."""

    def __init__(self, process: Process, kinds: Mapping[str, Kind]) -> None:
        self._process = process
        self._objects = process.objects
        self._referents = process.referents
        self._kinds = kinds
        self._of_type: dict[int, Kind | None] = {}
        self._waiters: dict[int, dict[int, int]] = {}

    def kind(self, address: int) -> Kind | None:
        """What is known about the class of an object; None if it is none that is waited for."""
        own = self._referents.class_of(address)
        if own is None:
            return None
        if own.address not in self._of_type:
            self._of_type[own.address] = self._kind_of_type(own.address)
        return self._of_type[own.address]

    def _kind_of_type(self, address: int) -> Kind | None:
        try:
            for each, _ in zip(self._objects.bases(address), range(MOST_BASES)):
                if each.full_name in self._kinds:
                    return self._kinds[each.full_name]
        except Unreadable:
            pass
        return None

    def waiters(self, address: int, depth: int = DEEPEST) -> dict[int, int]:
        """The addresses of the greenlets that wait for an object; for each, that of the entry by
        which the object will resume it.
        """
        known = self._waiters.get(address)
        if known is None:
            kind = self.kind(address)
            known = self._find(address, kind, depth) if kind is not None and depth > 0 else {}
            if depth == DEEPEST:  # otherwise something may be missing
                self._waiters[address] = known
        return known

    def _find(self, address: int, kind: Kind, depth: int) -> dict[int, int]:
        referents = self._referents
        found: dict[int, int] = {}
        if kind.held_in:
            attributes = referents.attributes(address)
            for name in kind.held_in:
                value = attributes.get(name, 0)
                for each in [value, *referents.items(value)]:
                    self._resolve(each, found, depth)
            return found
        for field in referents.fields(address):
            if kind.is_watcher:
                if referents.method(field)[0]:
                    self._resolve(field, found, depth)
            elif referents.is_list_like(field):
                for each in referents.items(field):
                    # Greenlets themselves may be in lists that have nothing to do with waiting.
                    if each not in self._process.by_address:
                        self._resolve(each, found, depth)
        return found

    def _resolve(self, item: int, found: dict[int, int], depth: int) -> None:
        for greenlet in self._greenlets(item, depth):
            found.setdefault(greenlet, item)

    def _greenlets(self, item: int, depth: int) -> list[int]:
        """The greenlets that an entry of a list of waiters stands for."""
        if item in self._process.by_address:
            return [item]
        kind = self.kind(item)
        if kind is WAITER:
            return self.of_waiter(item)
        if kind is not None:
            return list(self.waiters(item, depth - 1))
        bound, name = self._referents.method(item)
        if bound:
            if name in RESUMES or name == THROWS:
                if bound in self._process.by_address:
                    return [bound]
                if self.kind(bound) is WAITER:
                    return self.of_waiter(bound)
            return []
        captured = [
            each for each in self._referents.closure(item) if each in self._process.by_address
        ]
        if captured:
            return captured
        own = self._referents.class_of(item)
        if own is not None and own.flags & TUPLE and depth > 0:
            return [
                greenlet
                for each in self._referents.items(item, 4)
                if each not in self._process.by_address
                for greenlet in self._greenlets(each, depth - 1)
            ]
        return []

    def of_waiter(self, address: int) -> list[int]:
        """The greenlet that a Waiter of gevent or eventlet resumes, in a list. Hubs do not
        count.
        """
        fields = [
            *self._referents.fields(address),
            *self._referents.attributes(address).values(),
        ]
        names = self._process.names
        return [
            each
            for each in dict.fromkeys(fields)
            if (greenlet := self._process.by_address.get(each)) and not names.is_hub(greenlet)
        ]

    def is_thrown(self, item: int) -> bool:
        """Whether an entry throws an exception into the greenlet, as that of a timeout does, or is
        a function of which nothing is known.
        """
        bound, name = self._referents.method(item)
        return name == THROWS or not bound
