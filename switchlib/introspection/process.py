"""The threads and greenlets of a process, read from its memory."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Callable, TypeVar

from .core import CoreMemory
from .errors import IntrospectionError, NotFound, Unreadable
from .hold import Hold, is_stopped, running_threads
from .lines import line_at
from .memory import MIB, Memory, ProcessMemory
from .objects import TAGS, Code, Function, Objects
from .table import MODULE, Record, Table
from .table import find as find_table

STACK_END = (1 << 64) - 1

# More than these are taken for damage.
MOST_THREADS = 100_000
MOST_GREENLETS = 10_000_000
MOST_FRAMES = 200_000
MOST_NOTES = 20
TOO_DEEP = f"more than {MOST_FRAMES:,} frames in a stack: the others are left out"

# Up to this many bytes are copied while a process is held. A larger one is held for as long as it
# is read.
COPY_LIMIT = 2048 * MIB
# How often to hold a process, at most, until it is not in the middle of a switch.
TRIES = 20

CURRENT, SUSPENDED, UNSTARTED, DEAD = "current", "suspended", "unstarted", "dead"
SWITCHING = "switching"

T = TypeVar("T")


@dataclass(frozen=True)
class Frame:
    """One frame of Python: its address, its code, and the line where it stands."""

    address: int
    code: Code
    line: int | None
    _objects: Objects = field(repr=False, compare=False)

    def variables(self) -> dict[str, int]:
        """The addresses of its local variables by their names."""
        return self._objects.variables(self.address, self.code)


@dataclass(eq=False)
class Greenlet:
    """A greenlet. Addresses are 0 where there is nothing."""

    address: int
    type_address: int
    state: str
    is_main: bool
    thread: Thread
    parent_address: int
    run_address: int
    start: int  # of its stretch of C stack, 0 unless it is suspended
    stop: int
    saved: int  # how many bytes of it lie in the heap
    first_frame: int  # the address of the innermost
    process: Process = field(repr=False)
    parent: Greenlet | None = field(default=None, repr=False)
    changed: bool = False  # it was read while the process ran, and differed when read again
    name: str = ""  # that gevent, eventlet or a program has given it
    _raw: list[tuple[int, int, int]] | None = field(default=None, repr=False)

    @property
    def class_name(self) -> str:
        """The name of its class, with the module."""
        try:
            return self.process.objects.class_at(self.type_address).full_name
        except Unreadable:
            return "?"

    @property
    def stack_bytes(self) -> int:
        """The bytes of C stack that it has while it is suspended, those in the heap included.
        Of a main greenlet, whose stack has no known end, those that lie in the heap.
        """
        if not self.start or self.stop == STACK_END:
            return self.saved
        return max(self.stop - self.start, 0)

    @property
    def depth(self) -> int:
        """How many frames of Python it has."""
        return len(self.raw_frames)

    @property
    def raw_frames(self) -> list[tuple[int, int, int]]:
        """The addresses of its frames, of their code and of the instructions (on 3.10: their
        offset), innermost first.
        """
        if self._raw is None:
            self._raw = list(self.process._walk(self.first_frame))
        return self._raw

    @property
    def frames(self) -> list[Frame]:
        """Its frames, innermost last."""
        found = [self.process._frame(*each) for each in self.raw_frames]
        return [each for each in reversed(found) if each is not None]

    @property
    def places(self) -> tuple[tuple[int, int | None], ...]:
        """The addresses of its frames' code, and the lines where they stand, innermost first."""
        return tuple((code, self.process._line(code, at)) for _, code, at in self.raw_frames)

    @property
    def innermost(self) -> Frame | None:
        """Where it stands."""
        return self._first_readable(self.raw_frames)

    @property
    def outermost(self) -> Frame | None:
        """Where it began."""
        return self._first_readable(reversed(self.raw_frames))

    def _first_readable(self, raw_frames: Iterable[tuple[int, int, int]]) -> Frame | None:
        found = (self.process._frame(*each) for each in raw_frames)
        return next((each for each in found if each is not None), None)

    @property
    def run(self) -> Function | None:
        """What it runs. Of one that has begun, that is the function of its outermost frame."""
        if self.state == UNSTARTED:
            return self.process._run_of(self)
        outermost = None if self.is_main else self.outermost
        if outermost is None:
            return None
        code = outermost.code
        return Function(code.qualname, code.filename, code.first_line)


@dataclass(eq=False)
class Thread:
    """A thread that has used greenlets."""

    address: int
    thread_state: int
    ident: int  # threading.get_ident() in it
    native_id: int  # the system's number
    name: str
    current_address: int
    target_address: int  # of the greenlet that it switches to just then
    first_frame: int
    ended: bool = False
    on_cpu: bool = False  # it was on a CPU, or waited for one, just before it was read
    greenlets: list[Greenlet] = field(default_factory=list, repr=False)


class Process:
    """What was read of a process: `threads`, each with its greenlets, oldest first.

    `pid` is its number, or the one that it had if it comes from a core file. `held` is for how
    many seconds it was stopped for this, None if it was not. `notes` are sentences about what
    could not be read.
    """

    def __init__(self, memory: Memory, table: Table, pid: int = 0) -> None:
        self.memory = memory
        self.table = table
        self.objects = Objects(memory, table)
        self.pid = pid
        self.is_core = False
        self.held: float | None = None
        self.is_held = False  # still, since it is too large to be copied
        self.stopped_by: str | None = None
        self.on_cpu: set[int] = set()  # the native ids of threads that were on a CPU
        self.notes: list[str] = []
        self.threads: list[Thread] = []
        self.by_address: dict[int, Greenlet] = {}
        self._lines: dict[tuple[int, int], int | None] = {}
        self._prepare()

    @property
    def greenlets(self) -> list[Greenlet]:
        """Those of all threads."""
        return list(self.by_address.values())

    @property
    def python_version(self) -> str:
        """The process's version of Python, such as "3.12.1"."""
        number = self.table["python.version"]
        return ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8))

    def load(self) -> None:
        """Reads all threads and greenlets."""
        if self.table["python.version"] >> 24 != 3:
            raise IntrospectionError("the table of switchlib does not name a version of Python")
        names = self._thread_names()
        for each in self._each_thread():
            each.name = names.get(each.ident, "") or self._system_name(each.native_id)
            self._load_list(each, each.address + self.table["thread.listed"])
            each.on_cpu = each.native_id in self.on_cpu
            self.threads.append(each)
        self.threads.sort(key=lambda each: (each.native_id != self.pid, each.native_id))
        ended = Thread(0, 0, 0, 0, "ended threads", 0, 0, 0, ended=True)
        self._load_list(ended, self.table["threads.ended"])
        if ended.greenlets:
            self.threads.append(ended)
        for greenlet in self.by_address.values():
            greenlet.parent = self.by_address.get(greenlet.parent_address)

    def is_switching(self) -> bool:
        """Whether a thread is in the middle of a switch."""
        return any(each.target_address or self._is_half_way(each) for each in self._each_thread())

    # How it is read

    def _prepare(self) -> None:
        table = self.table
        self._thread = Record(
            table,
            "thread.tstate",
            "thread.native_id",
            "thread.current",
            "thread.target",
            "thread.next",
        )
        self._head = Record(table, "object.ob_refcnt:q", "object.ob_type", "greenlet.state")
        self._state = Record(
            table,
            "state.thread",
            "state.slice.start",
            "state.slice.stop",
            "state.slice.saved",
            "state.parent",
            "state.run",
            "state.next_listed",
        )
        self._slice_frame = table["state.tstate"] + table["slice.frame"]
        if table.python >= (3, 11):
            self._frame_record = Record(
                table, "frame.previous", "frame.code", "frame.instruction", "frame.owner:b"
            )
            self._entry_owner = table.get("frame.owned_by_entry", -1)
        else:
            self._frame_record = Record(
                table, "frame_object.f_back", "frame_object.f_code", "frame_object.f_lasti:i"
            )

    def _note(self, text: str) -> None:
        if len(self.notes) < MOST_NOTES and text not in self.notes:
            self.notes.append(text)

    def _each_thread(self) -> Iterator[Thread]:
        table, memory = self.table, self.memory
        count = 0
        start = table["threads.buckets"]
        for i in range(table["threads.bucket_count"]):
            address = memory.pointer(start + 8 * i)
            while address:
                count += 1
                if count > MOST_THREADS:
                    raise IntrospectionError("the table of threads is damaged: it has no end")
                tstate, native_id, current, target, following = self._thread.read(memory, address)
                ident, frame = 0, 0
                try:
                    ident = memory.pointer(tstate + table["thread_state.thread_id"])
                    frame = self._first_frame(tstate)
                except Unreadable as error:
                    self._note(f"the thread state of thread {native_id}: {error}")
                yield Thread(address, tstate, ident, native_id, "", current, target, frame)
                address = following

    def _first_frame(self, tstate: int) -> int:
        """The innermost frame of the greenlet that is current in a thread."""
        table, memory = self.table, self.memory
        if "thread_state.cframe" in table:
            cframe = memory.pointer(tstate + table["thread_state.cframe"])
            return memory.pointer(cframe + table["cframe.current_frame"])
        if "thread_state.current_frame" in table:
            return memory.pointer(tstate + table["thread_state.current_frame"])
        return memory.pointer(tstate + table["thread_state.frame"])

    def _is_half_way(self, thread: Thread) -> bool:
        try:
            state = self._head.read(self.memory, thread.current_address)[2]
            return bool(self._state.read(self.memory, state)[1])
        except Unreadable:
            return False

    def _load_list(self, thread: Thread, link: int) -> None:
        """Adds the greenlets of the list to which the pointer at an address leads."""
        memory = self.memory
        switching: tuple[int, ...] = ()
        if thread.target_address or (not thread.ended and self._is_half_way(thread)):
            switching = (thread.current_address, thread.target_address)
        found: list[Greenlet] = []
        seen = set(self.by_address)
        try:
            address = memory.pointer(link)
            while address and len(seen) < MOST_GREENLETS:
                count, kind, state_at = self._head.read(memory, address)
                began_in, start, stop, saved, parent, run, following = self._state.read(
                    memory, state_at
                )
                frame = 0
                if address in switching:
                    state = SWITCHING
                elif not began_in:
                    state = UNSTARTED
                elif address == thread.current_address:
                    state, frame = CURRENT, thread.first_frame
                elif start and not thread.ended:
                    state = SUSPENDED
                    frame = memory.pointer(state_at + self._slice_frame)
                else:
                    state = DEAD
                if count != 0:  # otherwise it is being freed
                    found.append(
                        Greenlet(
                            address,
                            kind,
                            state,
                            bool(began_in) and stop == STACK_END,
                            thread,
                            parent,
                            run,
                            start,
                            stop,
                            saved,
                            frame,
                            self,
                        )
                    )
                address = following
                if address in seen:
                    raise Unreadable(address, "a greenlet that is listed twice")
                seen.add(address)
        except Unreadable as error:
            self._note(f"greenlets of thread {thread.native_id}: {error}")
        for each in reversed(found):
            self.by_address[each.address] = each
            thread.greenlets.append(each)

    def _walk(self, frame: int) -> Iterator[tuple[int, int, int]]:
        """The frames from this one on: their addresses, code objects, instructions."""
        if self.table.python >= (3, 11):
            return self._walk_311(frame)
        return self._walk_310(frame)

    def _walk_311(self, frame: int) -> Iterator[tuple[int, int, int]]:
        read, memory = self._frame_record.read, self.memory
        entry_owner = self._entry_owner
        try:
            for _ in range(MOST_FRAMES):
                if not frame:
                    return
                previous, code, instruction, owner = read(memory, frame)
                # From 3.15 on the last frame is owned by the interpreter, too.
                if owner != entry_owner:
                    yield frame, code & ~TAGS, instruction
                frame = previous
            self._note(TOO_DEEP)
        except Unreadable as error:
            self._note(f"frames: {error}")

    def _walk_310(self, frame: int) -> Iterator[tuple[int, int, int]]:
        read, memory = self._frame_record.read, self.memory
        try:
            for _ in range(MOST_FRAMES):
                if not frame:
                    return
                back, code, last = read(memory, frame)
                yield frame, code, 2 * last
                frame = back
            self._note(TOO_DEEP)
        except Unreadable as error:
            self._note(f"frames: {error}")

    def _frame(self, address: int, code_address: int, instruction: int) -> Frame | None:
        try:
            code = self.objects.code(code_address)
        except Unreadable as error:
            self._note(f"a frame's code: {error}")
            return None
        return Frame(address, code, self._line(code_address, instruction), self.objects)

    def _line(self, code_address: int, instruction: int) -> int | None:
        key = code_address, instruction
        if key not in self._lines:
            try:
                code = self.objects.code(code_address)
                self._lines[key] = line_at(code.lines, max(instruction - code.start, 0))
            except Unreadable as error:
                self._note(f"a frame's code: {error}")
                self._lines[key] = None
        return self._lines[key]

    def _run_of(self, greenlet: Greenlet) -> Function | None:
        try:
            run = greenlet.run_address
            if not run:
                run = self.objects.class_attribute(greenlet.type_address, "run")
            return self.objects.function(run) if run else None
        except Unreadable:
            return None

    def _thread_names(self) -> dict[int, str]:
        """Those that threading knows, by the threads' idents."""
        found: dict[int, str] = {}
        try:
            module = self.objects.module("threading")
            if module and "_active" in module:
                for ident, thread in self.objects.dict_items(module["_active"]):
                    name = self.objects.attribute(thread, "_name")
                    if name:
                        found[self.objects.integer(ident)] = self.objects.text(name)
        except Unreadable as error:
            self._note(f"the names of threads: {error}")
        return found

    def _system_name(self, native_id: int) -> str:
        if native_id == self.pid:
            return "MainThread"
        if self.is_core:
            return ""
        try:
            with open(f"/proc/{self.pid}/task/{native_id}/comm", encoding="utf-8") as file:
                return file.read().strip()
        except (OSError, UnicodeDecodeError):
            return ""


def observe(
    pid: int,
    then: Callable[[Process], T],
    *,
    hold: bool = True,
    copy_limit: int = COPY_LIMIT,
) -> T:
    """What `then` answers about a process. It reads whatever it wants to know, and must not keep
    the Process for later.

    By default all threads of the process are held while its memory is copied, and run again before
    `then` is called. If there is more to copy than `copy_limit` bytes, `then` is called while they
    are held. With hold=False they are not held; `then` is called with what was read twice, and
    greenlets that differed have `changed` set.
    """
    return _observe(pid, then, copy_limit) if hold else _observe_running(pid, then, copy_limit)


def _observe(pid: int, then: Callable[[Process], T], copy_limit: int) -> T:
    for attempt in range(TRIES):
        stopped_by, on_cpu = is_stopped(pid), running_threads(pid)
        with ProcessMemory(pid) as memory:
            find_ranges(memory)  # so that a process without switchlib is never held
        holder = Hold(pid)
        with holder, ProcessMemory(pid) as memory:
            memory.is_held = True
            process = Process(memory, find_table(memory, find_ranges(memory)), pid)
            process.stopped_by, process.on_cpu = stopped_by, on_cpu
            if process.is_switching() and attempt < TRIES - 1 and stopped_by is None:
                holder.release()
                time.sleep(0.0001 * (attempt + 1))
                continue
            if not memory.copy(copy_limit):
                process.is_held = True
                process.load()
                return then(process)
            memory.is_held = False
            holder.release()
            process.held = holder.seconds
            process.load()
            return then(process)
    raise AssertionError("the last attempt answers")


def _observe_running(pid: int, then: Callable[[Process], T], copy_limit: int) -> T:
    with ProcessMemory(pid) as memory:
        before = _signatures(_read_running(memory, copy_limit))
    with ProcessMemory(pid) as memory:
        process = _read_running(memory, copy_limit)
        for address, signature in _signatures(process).items():
            process.by_address[address].changed = before.get(address) != signature
        return then(process)


def _read_running(memory: ProcessMemory, copy_limit: int) -> Process:
    memory.is_held = True  # it is not, but all is to be read as it is now
    process = Process(memory, find_table(memory, find_ranges(memory)), memory.pid)
    process.stopped_by = is_stopped(memory.pid)
    process.on_cpu = running_threads(memory.pid)
    memory.copy(copy_limit)
    process.load()
    return process


def _signatures(process: Process) -> dict[int, object]:
    """What must not differ between two readings of a greenlet."""
    return {
        address: (each.state, each.parent_address, each.start, each.run_address, each.raw_frames)
        for address, each in process.by_address.items()
    }


def read_core(path: str, then: Callable[[Process], T]) -> T:
    """What `then` answers about the process of a core file.

    Raises IntrospectionError if the file is no core file or does not have what is needed.
    """
    try:
        memory = CoreMemory(path)
    except OSError as error:
        raise IntrospectionError(f"{path} cannot be read: {error.strerror}") from None
    blocks = [(each.start, each.start + each.size) for each in memory.blocks()]
    likely = [
        (start, stop)
        for start, stop in blocks
        for each in memory.mappings
        if MODULE.search(each.path) and each.start <= start < each.stop
    ]
    try:
        table = find_table(memory, likely + blocks)
    except NotFound:
        raise IntrospectionError(
            f"{path} has no greenlets of switchlib, or leaves out where they are listed"
        ) from None
    process = Process(memory, table, memory.pid)
    process.is_core = True
    process.load()
    return then(process)


def find_ranges(memory: ProcessMemory) -> list[tuple[int, int]]:
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
