"""Reads processes, again and again if wanted, and core files."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable, TypeVar

from .core import CoreMemory
from .errors import IntrospectionError, NotFound, Unreadable
from .hold import Hold
from .memory import MIB, ProcessMemory, Range, Snapshot, union
from .process import Process
from .system import is_stopped, running_threads, threads_by_own_ids
from .table import COOKIE, MODULE
from .table import find as find_table

# If the writable memory of a process is not larger than this, all of it is copied at the first
# reading.
COPY_LIMIT = 256 * MIB
# A process with more addresses than this is not searched for pages that are present.
LARGEST_SEARCHED = 4096 * MIB
# How often a process is held anew that was found in the middle of a switch, ...
TRIES = 20
# ... and how often memory is copied because some that was needed had not been copied before.
COPIES = 6

# After this many readings, what only earlier ones needed is no longer copied.
FORGET_AFTER = 64

T = TypeVar("T")


@dataclass(frozen=True)
class Rehearsed:
    """What was found out in the rehearsal, and from what memory."""

    process: Process
    snapshot: Snapshot


class Reader:
    """Reads a process as often as wanted. Close it, or use it in a `with` statement.

    By default all threads of the process are held while its memory is copied. With hold=False they
    run on. Then each reading is done three times, and greenlets that differed have `changed` set.

    At the first reading all writable memory is copied, if that is at most `copy_limit` bytes.
    Otherwise a rehearsal on the running process finds out what is needed. If the copy then shows
    that none of it has changed, what the rehearsal has found out stands. Each later reading copies
    what the one before has needed.

    `held` is for how many seconds the process was held, in all readings.

    Raises IntrospectionError if there is no such process, if it has no switchlib, if it may not be
    read, or on another system than Linux. So do the methods.
    """

    def __init__(self, pid: int, *, hold: bool = True, copy_limit: int = COPY_LIMIT) -> None:
        if not sys.platform.startswith("linux"):
            raise IntrospectionError("processes can be read on Linux only so far")
        self.pid = pid
        self.hold = hold
        self.copy_limit = copy_limit
        self.held = 0.0
        self._readings = 0
        self._needed: list[Range] = []
        self._rehearsed: Rehearsed | None = None
        self._memory = ProcessMemory(pid)
        try:
            self._table = find_table(self._memory, _ranges_of_module(self._memory))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """From now on it cannot read."""
        self._memory.close()

    def read(self, then: Callable[[Process], T]) -> T:
        """What `then` answers about the process, which runs again already.

        `then` reads whatever it wants to know, and does nothing else: if not all that it needs has
        been copied, it is called again, with the same Process or with that of another copy. It
        must not keep the Process for later.
        """
        memory = self._memory
        if not self._needed:
            self._needed = self._first_ranges(then)
        for copies_left in reversed(range(COPIES)):
            memory.was_late = False
            try:
                answer = self._read(then, is_last=copies_left == 0)
            except IntrospectionError:
                if not memory.was_late:
                    raise
            else:
                if not memory.was_late:
                    self._remember()
                    return answer
            self._needed = union(self._needed, memory.ranges_read())
        raise AssertionError("nothing is late at the last time")

    def glance(self, then: Callable[[Process], T]) -> T:
        """What `then` answers about the threads and their current greenlets, which alone are read.
        Nothing is copied: if the process is held, then until `then` has answered.
        """
        if not self.hold:
            process = self._begin(self._memory)
            process.load_current()
            return then(process)
        with self._holding() as (_, process):
            process.load_current()
            return then(process)

    def _remember(self) -> None:
        """Notes what the next reading will need, and forgets what has not been needed for long."""
        self._readings += 1
        read = self._memory.ranges_read()
        is_time = self._readings == 1 or self._readings % FORGET_AFTER == 0
        self._needed = read if is_time else union(self._needed, read)

    @property
    def copied(self) -> int:
        """How many bytes the next reading will copy."""
        return sum(stop - start for start, stop in self._needed)

    def is_there(self) -> bool:
        """Whether the process is there, and still runs the same program."""
        try:
            self._begin(self._memory)
        except IntrospectionError:
            return False
        return True

    def _read(self, then: Callable[[Process], T], is_last: bool) -> T:
        memory = self._memory
        if self.hold:
            memory.prepare(self._needed)
            with self._holding() as (holder, process):
                memory.copy(self._needed, is_last)
            process.held = holder.seconds
            rehearsed, self._rehearsed = self._rehearsed, None
            if rehearsed is not None and memory.is_as_in(rehearsed.snapshot):
                rehearsed.process.refresh(process)
                return then(rehearsed.process)
            process.load()
            return then(process)
        with ProcessMemory(self.pid) as other:
            before = self._signatures(other)
            process = self._begin(memory)
            memory.copy(self._needed, is_last)
            process.load()
            found = _signatures(process)
            after = self._signatures(other)
        for address, signature in found.items():
            same = before.get(address) == signature == after.get(address)
            process.by_address[address].changed = not same
        return then(process)

    def _activity(self) -> tuple[str | None, set[int]]:
        """What has stopped the process, and which of its threads are on a CPU."""
        return is_stopped(self.pid), running_threads(self.pid)

    def _begin(
        self, memory: ProcessMemory, activity: tuple[str | None, set[int]] | None = None
    ) -> Process:
        """Forgets what was read before. `activity` is as it was before the process was held."""
        memory.begin()
        try:
            is_there = memory.read(self._table.address, len(COOKIE)) == COOKIE
        except Unreadable:
            is_there = False
        if not is_there:
            raise IntrospectionError(f"process {self.pid} runs another program now")
        process = Process(memory, self._table, self.pid)
        process.stopped_by, process.on_cpu = activity or self._activity()
        process.thread_ids = threads_by_own_ids(self.pid)
        return process

    @contextlib.contextmanager
    def _holding(self) -> Iterator[tuple[Hold, Process]]:
        """Holds the process, if possible while no thread is in the middle of a switch."""
        for tries_left in reversed(range(TRIES)):
            activity = self._activity()  # before: while it is held, all threads are stopped
            with Hold(self.pid) as holder:
                process = self._begin(self._memory, activity)
                done = process.stopped_by or not tries_left or not process.is_switching()
                if done:
                    yield holder, process
            self.held += holder.seconds
            if done:
                return
            time.sleep(0.0001 * (TRIES - tries_left))

    def _signatures(self, memory: ProcessMemory) -> dict[int, object]:
        process = self._begin(memory)
        memory.copy(self._needed)
        process.load()
        return _signatures(process)

    def _first_ranges(self, then: Callable[[Process], object]) -> list[Range]:
        if self._memory.data_size() <= LARGEST_SEARCHED:
            everything = self._memory.data()
            if sum(stop - start for start, stop in everything) <= self.copy_limit:
                return everything
        process = self._begin(self._memory)
        with contextlib.suppress(IntrospectionError):  # it runs, so that nothing needs to fit
            process.load()
            then(process)
            self._rehearsed = Rehearsed(process, self._memory.snapshot())
        return self._memory.ranges_read()


def observe(
    pid: int, then: Callable[[Process], T], *, hold: bool = True, copy_limit: int = COPY_LIMIT
) -> T:
    """Reads a process once; see Reader."""
    with Reader(pid, hold=hold, copy_limit=copy_limit) as reader:
        return reader.read(then)


def read_core(path: str, then: Callable[[Process], T]) -> T:
    """What `then` answers about the process of a core file.

    Raises IntrospectionError if the file is no core file or does not have what is needed.
    """
    try:
        memory = CoreMemory(path)
    except OSError as error:
        raise IntrospectionError(f"{path} cannot be read: {error.strerror}") from None
    blocks = [(each.start, each.start + each.size) for each in memory.blocks()]
    modules = [each for each in memory.mappings if MODULE.search(each.path)]
    likely = [
        (start, stop)
        for start, stop in blocks
        if any(each.start <= start < each.stop for each in modules)
    ]
    try:
        table = find_table(memory, likely + blocks)
    except NotFound:
        raise IntrospectionError(
            f"{path} has no greenlets of switchlib, or leaves out where they are listed"
        ) from None
    process = Process(memory, table, memory.pid)
    process.is_core = True
    process.thread_ids = {each: each for each in memory.thread_ids}
    process.load()
    return then(process)


def _signatures(process: Process) -> dict[int, object]:
    """What must not differ between two readings of a greenlet."""
    return {
        address: (each.state, each.parent_address, each.start, each.run_address, each.raw_frames)
        for address, each in process.by_address.items()
    }


def _ranges_of_module(memory: ProcessMemory) -> list[Range]:
    """Where the table of a process may lie. Raises IntrospectionError if there is no switchlib."""
    found = [
        (each.start, each.stop)
        for each in memory.mappings
        if each.is_private_and_writable and MODULE.search(each.path)
    ]
    if found:
        return found
    paths = {each.path for each in memory.mappings}
    if any("/_greenlet." in path for path in paths):
        hint = "it uses greenlet. Start it with `python -m switchlib run`"
    elif any("pypy" in path for path in paths):
        hint = "it is PyPy, which keeps its greenlets elsewhere"
    elif any("python" in path for path in paths):
        hint = "it has not imported switchlib"
    else:
        hint = "it is not CPython"
    raise IntrospectionError(f"process {memory.pid} has no greenlets of switchlib: {hint}")
