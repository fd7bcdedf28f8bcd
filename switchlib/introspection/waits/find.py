"""What a suspended greenlet waits for."""

from __future__ import annotations

import itertools
import operator
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..errors import Unreadable
from ..objects import LIST, LONG, TUPLE
from ..referents import FRAMES
from . import eventlet, gevent, threads
from .holders import Holders
from .links import SLEEP, TIMEOUT, Kind, Links
from .sockets import Sockets
from .timers import Timers
from .wait import Wait

if TYPE_CHECKING:
    from ..process import Greenlet, Process

KINDS = {**gevent.KINDS, **eventlet.KINDS, **threads.KINDS}
LIBRARIES = ("gevent", "eventlet")

ENOUGH = 64  # greenlets with the same innermost calls, after which others are not searched through
MOST_IN_A_LIST = 200
MOST_ARGUMENTS = 8
MOST_FDS = 1 << 20
READ, WRITE = 1, 2  # events of libev and libuv
EV_IO_SIZE = 48
SWITCHES = ("switch", "throw")
FD_AND_EVENTS = struct.Struct("<ii")
SOCKET_FD = struct.Struct("<i")  # after the head of a socket, Modules/socketmodule.h


Position = tuple[int, int]  # the number of a source, see Referents.source, and an index there


@dataclass
class Found:
    """What was confirmed to resume a greenlet."""

    objects: dict[int, tuple[Kind, int]] = field(default_factory=dict)  # and their entries for it
    lefts: list[float] = field(default_factory=list)  # the seconds until timeouts and timers end
    positions: dict[int, Position] = field(default_factory=dict)  # where each was found first

    def add(self, address: int, position: Position, left: float | None) -> None:
        """Notes where something was found, and what is left of its time."""
        if left is not None:
            self.lefts.append(left)
        self.positions.setdefault(address, position)


@dataclass
class Shape:
    """Greenlets with the same innermost calls: how many were searched through, and where something
    was found.
    """

    searched: int = 0
    positions: set[Position] = field(default_factory=set)


class Waits:
    """Finds what greenlets wait for."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.links = Links(process, KINDS)
        self._referents = process.referents
        self._timers = Timers(process)
        self._holders = Holders(process, self.links)
        self._sockets = Sockets(process.pid)
        self._known: dict[int, list[Wait]] = {}
        self._of_object: dict[int, Wait] = {}  # those that are the same for all who wait
        self._shapes: dict[object, Shape] = defaultdict(Shape)
        self._libraries: bool | None = None
        self._parents: set[int] | None = None

    def refresh(self) -> None:
        """Counts the seconds that are left from now on. The same must be waited for still."""
        seconds = self._timers.refresh()
        for waits in self._known.values():
            for i, each in enumerate(waits):
                if each.left is not None:
                    waits[i] = replace(each, left=each.left - seconds)

    def of(self, greenlet: Greenlet) -> list[Wait]:
        """What a greenlet waits for; several if any of them resumes it."""
        known = self._known.get(greenlet.address)
        if known is None:
            known = self._known[greenlet.address] = self._find(greenlet)
        return known

    def _find(self, greenlet: Greenlet) -> list[Wait]:
        if not greenlet.start or greenlet.thread.ended or greenlet.changed:
            return []
        task = self.process.tasks.of(greenlet)
        if task is not None and task.awaited is not None:
            return [Wait(task.awaited.kind, task.awaited.address, task.awaited.name)]
        found = self._certain(greenlet) if self._has_libraries() else []
        return found or self._of_a_child(greenlet)

    def _has_libraries(self) -> bool:
        """Whether the process uses gevent or eventlet."""
        if self._libraries is None:
            try:
                objects = self.process.objects
                self._libraries = any(objects.module(each) is not None for each in LIBRARIES)
            except Unreadable:
                self._libraries = False
        return self._libraries

    def _certain(self, greenlet: Greenlet) -> list[Wait]:
        """The objects that will resume a greenlet, of the highest rank that there is."""
        # Where others with the same innermost calls have them, in Python and C, this one has, too.
        calls = tuple(each[1:] for each in greenlet.raw_frames[:FRAMES])
        shape = self._shapes[greenlet.stack_bytes, calls]
        found = Found()
        if shape.searched >= ENOUGH:
            found = self._confirmed(greenlet, self._words_at(greenlet, sorted(shape.positions)))
        if not found.objects:
            found = self._confirmed(greenlet, self._words(greenlet))
            shape.searched += 1
            shape.positions.update(found.positions.values())
        if not found.objects:
            return []
        highest = max(kind.rank for kind, _ in found.objects.values())
        waits = [
            self._describe(each, kind, entry)
            for each, (kind, entry) in found.objects.items()
            if kind.rank == highest
        ]
        if not found.lefts:
            return waits
        return [replace(each, left=min(found.lefts)) for each in waits]

    def _words(self, greenlet: Greenlet) -> Iterator[tuple[Position, int]]:
        """What may be the address of an object that a greenlet waits for, and where that is."""
        for number in itertools.count():
            words = self._referents.source(greenlet, number)
            if words is None:
                return
            for i, word in enumerate(words):
                yield (number, i), word

    def _words_at(
        self, greenlet: Greenlet, positions: list[Position]
    ) -> Iterator[tuple[Position, int]]:
        """Those at some positions, as far as there are so many."""
        for number, group in itertools.groupby(positions, operator.itemgetter(0)):
            indices = [index for _, index in group]
            for index, word in self._referents.words_at(greenlet, number, indices):
                yield (number, index), word

    def _confirmed(self, greenlet: Greenlet, words: Iterable[tuple[Position, int]]) -> Found:
        """The objects among these that will resume a greenlet."""
        address = greenlet.address
        found = Found()
        seen: set[int] = {address}
        for position, word in words:
            if word in seen:
                continue
            seen.add(word)
            for each, kind in self._objects_at(word):
                if kind is TIMEOUT:
                    left = self._left_of_timeout(each, address)
                    if left is not None:
                        found.add(each, position, left)
                    continue
                entry = self.links.waiters(each).get(address)
                if entry is None:
                    continue
                left = self._timers.left(each) if kind.name == SLEEP else None
                found.add(each, position, left)
                if kind.name != SLEEP or not self._throws(each, entry):  # that is a timeout
                    found.objects[each] = kind, entry
        return found

    def _objects_at(self, address: int) -> Iterator[tuple[int, Kind]]:
        """The objects that may be waited for among: what is at an address, what it contains or
        belongs to.
        """
        referents, kind_of = self._referents, self.links.kind
        own = referents.class_of(address)
        if own is None:
            return
        kind = kind_of(address)
        if kind is not None:
            yield address, kind
        elif own.flags & (LIST | TUPLE):
            for each in referents.items(address, MOST_IN_A_LIST):
                if kind := kind_of(each):
                    yield each, kind
        elif (bound := referents.bound_to(address)) and (kind := kind_of(bound)):
            yield bound, kind

    def _left_of_timeout(self, timeout: int, greenlet: int) -> float | None:
        """The seconds until a timeout throws into a greenlet; None if it will not."""
        timer = self._referents.attributes(timeout).get("timer", 0)
        if greenlet in self.links.waiters(timeout):
            return self._timers.left(timer)
        arguments = {
            each
            for field in [
                *self._referents.fields(timer),
                *self._referents.attributes(timer).values(),
            ]
            for each in self._referents.items(field, MOST_ARGUMENTS)
        }
        return self._timers.left(timer) if greenlet in arguments else None

    def _throws(self, timer: int, entry: int) -> bool:
        """Whether a timer throws something into the greenlet instead of resuming it."""
        items = self._referents.items(entry, 1)  # eventlet has a tuple
        return self.links.is_thrown(items[0] if items else entry)

    # What is said about it

    def _describe(self, address: int, kind: Kind, entry: int) -> Wait:
        try:
            if kind.name in ("queue", "channel"):
                return Wait(kind.name, address, self._of_queue(address, entry))
            if kind.name == "end of greenlet":
                return Wait(kind.name, address, holder=address, exclusive=True)
            if kind.name == "socket":
                return self._of_socket(address, entry)
            if kind.name == "file descriptor":
                return self._of_descriptor(address)
            if kind.name == "end of thread":
                ident = self.process.objects.attribute(address, "_ident")
                found = self.process.objects.integer(ident) if ident else 0
                is_there = found in self.process.by_address
                return Wait(kind.name, address, holder=found if is_there else 0, exclusive=True)
            if kind.name == "end of process":
                pid = self.process.objects.attribute(address, "pid")
                return Wait(kind.name, address, str(self.process.objects.value(pid)))
            if kind.name == SLEEP:
                return Wait(kind.name)
        except Unreadable:
            pass
        if address not in self._of_object:
            self._of_object[address] = self._describe_object(address, kind)
        return self._of_object[address]

    def _describe_object(self, address: int, kind: Kind) -> Wait:
        """The same of an object of which nothing else is said to the one or the other waiter."""
        owner = self._owner(address, kind)
        detail = ""
        if not owner and kind.name in ("lock", "semaphore"):
            holders = self._holders.of(address)
            owner = holders[0] if len(holders) == 1 else 0
            detail = f"held by {len(holders):,} greenlets" if len(holders) > 1 else ""
        return Wait(kind.name, address, detail, owner, exclusive=kind.is_lock and owner != 0)

    def _of_queue(self, address: int, entry: int) -> str:
        attributes = self._referents.attributes(address)
        for name, what in threads.QUEUE_CONDITIONS.items():
            if entry == attributes.get(name):
                return what
        own = self._referents.class_of(entry)
        puts = own is not None and (own.name == gevent.PUTTERS or own.flags & TUPLE)
        return "to put" if puts else "to get"

    def _owner(self, address: int, kind: Kind) -> int:
        """The greenlet that owns a lock; 0 if that is not known."""
        owner = self._referents.attributes(address).get(kind.owner, 0) if kind.owner else 0
        own = self._referents.class_of(owner)
        try:
            if own is not None and own.flags & LONG:  # the ident of a thread
                owner = self.process.objects.integer(owner)
        except Unreadable:
            owner = 0
        return owner if owner in self.process.by_address else 0

    def _of_socket(self, address: int, entry: int) -> Wait:
        attributes = self._referents.attributes(address)
        events = READ if entry == attributes.get("_read_event") else WRITE
        sock = attributes.get("_sock", 0)
        start = sock + self.process.table["object.size"]
        return self._of_fd(self.process.memory.unpack(SOCKET_FD, start)[0], events)

    def _of_descriptor(self, address: int) -> Wait:
        objects = self.process.objects
        attributes = self._referents.attributes(address)
        if "fileno" in attributes:  # of eventlet
            fd = objects.integer(attributes["fileno"])
            return self._of_fd(fd, READ if objects.text(attributes["evtype"]) == "read" else WRITE)
        shared = self._referents.attributes(attributes.get("_watcher_ref", 0))
        fd_at = attributes.get("_fd") or shared.get("_fd")
        if fd_at:  # of gevent with cffi
            fd = objects.integer(fd_at)
            events = attributes.get("_events", 0)
            watcher = attributes.get("_watcher", 0)
            return self._of_fd(
                fd, objects.integer(events) if events else self._events_of_libev(watcher, fd)
            )
        # The last fields of libev's ev_io, which lies at the end of gevent's object.
        end = address + objects.class_of(address).basic_size
        fd, events = self.process.memory.unpack(FD_AND_EVENTS, end - FD_AND_EVENTS.size)
        if not 0 <= fd < MOST_FDS or not events & (READ | WRITE):
            return Wait("file descriptor", address)
        return self._of_fd(fd, events)

    def _events_of_libev(self, cdata: int, fd: int) -> int:
        """Those in a struct ev_io, where they follow the file descriptor; 0 if there are none."""
        if not cdata:
            return 0
        start = self.process.memory.pointer(cdata + self.process.table["object.size"] + 8)
        data = self.process.memory.read(start, EV_IO_SIZE)
        pairs = FD_AND_EVENTS.iter_unpack(data)
        return next((events for each, events in pairs if each == fd and events & 3), 0)

    def _of_fd(self, fd: int, events: int) -> Wait:
        if not 0 <= fd < MOST_FDS:
            return Wait("file descriptor")
        verbs = [verb for verb, event in (("to read", READ), ("to write", WRITE)) if events & event]
        detail = " ".join(filter(None, (str(fd), " and ".join(verbs))))
        if self.process.is_core:
            return Wait("file descriptor", 0, detail)
        about = self._sockets.describe(fd)
        if self._sockets.is_socket(fd):
            kind, about = "socket", about.replace("socket", "")
        else:
            kind = "file descriptor"
        return Wait(kind, 0, f"{detail}, {about}" if about else detail)

    # Without a library

    def _of_a_child(self, greenlet: Greenlet) -> list[Wait]:
        """A child to which a greenlet has switched, which may switch back or end."""
        if self._parents is None:
            self._parents = {each.parent_address for each in self.process.greenlets}
        if greenlet.address not in self._parents:
            return []
        words = self._referents.source(greenlet, 1) or []  # the innermost evaluation stack
        for word, below in zip(words, [*words[1:], 0]):
            bound, name = self._referents.method(word)
            if not bound:  # not a bound method, but a method and above it what it is called with
                bound, name = word, self._referents.name_of(below)
            child = self.process.by_address.get(bound) if name in SWITCHES else None
            if child is not None and child.parent is greenlet and child.raw_frames:
                return [Wait("switch or end of greenlet", bound, holder=bound, certain=False)]
        return []
