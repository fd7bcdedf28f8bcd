"""The threads and greenlets of a process, read from its memory."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from .errors import IntrospectionError, Unreadable
from .lines import line_at
from .memory import Buffer, Memory
from .names import Names
from .objects import TAGS, Code, Function, Objects
from .referents import Referents
from .table import Table
from .tasks import Tasks
from .waits.find import Waits
from .waits.wait import Wait

STACK_END = (1 << 64) - 1

# More than these are taken for damage.
MOST_THREADS = 100_000
MOST_GREENLETS = 10_000_000
MOST_FRAMES = 200_000
MOST_NOTES = 20
TOO_DEEP = f"more than {MOST_FRAMES:,} frames in a stack: the others are left out"

# The addresses of a frame, of its code, and of the instruction (on 3.10 the latter's offset).
RawFrame = tuple[int, int, int]

CURRENT, SUSPENDED, UNSTARTED, DEAD = "current", "suspended", "unstarted", "dead"
SWITCHING = "switching"


@dataclass(eq=False)
class Frame:
    """One frame of Python: its address, its code, and the line where it stands."""

    address: int
    code: Code
    line: int | None
    _objects: Objects = field(repr=False)

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
    _raw: list[RawFrame] | None = field(default=None, repr=False)

    @property
    def class_name(self) -> str:
        """The name of its class, with the module."""
        try:
            return self.process.objects.class_at(self.type_address).full_name
        except Unreadable:
            return "?"

    @property
    def name(self) -> str:
        """The name that a program, gevent or threading has given it; "" if there is none."""
        return self.process.names.of(self)

    @property
    def waits(self) -> list[Wait]:
        """What it waits for, if that is known; several if any of them resumes it."""
        return self.process.waits.of(self)

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
    def raw_frames(self) -> list[RawFrame]:
        """Its frames, innermost first."""
        if self._raw is None:
            self._raw = self.process._walk(self.first_frame)
        return self._raw

    @property
    def frames(self) -> list[Frame]:
        """Its frames, innermost last."""
        found = [self.process._frame(*each) for each in self.raw_frames]
        return [each for each in reversed(found) if each is not None]

    @property
    def places(self) -> tuple[tuple[int, int | None], ...]:
        """The addresses of its frames' code, and the lines where they stand, innermost first."""
        return tuple((code, self.process._spot(code, at)[1]) for _, code, at in self.raw_frames)

    @property
    def innermost(self) -> Frame | None:
        """Where it stands."""
        return self._first_readable(self.raw_frames)

    def frame(self, raw: RawFrame) -> Frame | None:
        """One of its `raw_frames`; None if its code cannot be read."""
        return self.process._frame(*raw)

    @property
    def outermost(self) -> Frame | None:
        """Where it began."""
        return self._first_readable(reversed(self.raw_frames))

    def _first_readable(self, raw_frames: Iterable[RawFrame]) -> Frame | None:
        for each in raw_frames:
            found = self.process._frame(*each)
            if found is not None:
                return found
        return None

    @property
    def run(self) -> Function | None:
        """What it runs. Of one that has begun, that is the function of its outermost frame, unless
        that is only a library's, which was given another one.
        """
        given = self.process.names.given(self)
        if given is not None:
            return given
        if self.state == UNSTARTED:
            return self.process._run_of(self)
        outermost = None if self.is_main else self.outermost
        return None if outermost is None else outermost.code.function


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
        self.stopped_by: str | None = None
        self.on_cpu: set[int] = set()  # the native ids of threads that were on a CPU
        # The native ids of threads, by those that they have in the process; {} if not known.
        self.thread_ids: dict[int, int] = {}
        self.notes: list[str] = []
        self.threads: list[Thread] = []
        self.by_address: dict[int, Greenlet] = {}
        self.has_all = False  # greenlets: not only the current ones
        self._spots: dict[tuple[int, int], tuple[Code | None, int | None]] = {}
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

    @cached_property
    def referents(self) -> Referents:
        return Referents(self.objects)

    @cached_property
    def names(self) -> Names:
        return Names(self)

    @cached_property
    def tasks(self) -> Tasks:
        return Tasks(self)

    @cached_property
    def waits(self) -> Waits:
        return Waits(self)

    def load(self) -> None:
        """Reads all threads and greenlets."""
        self._load_threads()
        self.name_threads()
        for each in self.threads:
            self._load_list(each, each.address + self.table["thread.listed"])
        ended = Thread(0, 0, 0, 0, "ended threads", 0, 0, 0, ended=True)
        self._load_list(ended, self.table["threads.ended"])
        if ended.greenlets:
            self.threads.append(ended)
        for greenlet in self.by_address.values():
            greenlet.parent = self.by_address.get(greenlet.parent_address)
        self.has_all = True

    def load_current(self) -> None:
        """Reads all threads, and of each the current greenlet alone."""
        self._load_threads()
        for each in self.threads:
            if each.current_address:
                self._load_list(each, each.address + self.table["thread.current"], most=1)

    def refresh(self, now: Process) -> None:
        """Takes from a later Process what is not in memory, where nothing has changed."""
        self.stopped_by, self.on_cpu, self.held = now.stopped_by, now.on_cpu, now.held
        for each in self.threads:
            each.on_cpu = each.native_id in self.on_cpu
        self.waits.refresh()

    def name_threads(self) -> None:
        """Reads the names of the threads."""
        for each in self.threads:
            name = self.thread_names.get(each.ident, "")
            each.name = name or self._system_name(each.native_id)

    def _load_threads(self) -> None:
        ids = self.thread_ids
        for each in self._each_thread():
            # Only one thread survives a fork, and becomes the first thread of the child.
            each.native_id = ids.get(each.native_id, self.pid if ids else each.native_id)
            each.on_cpu = each.native_id in self.on_cpu
            self.threads.append(each)
        self.threads.sort(key=lambda each: (each.native_id != self.pid, each.native_id))

    def is_switching(self) -> bool:
        """Whether a thread is in the middle of a switch."""
        return any(each.target_address or self._is_half_way(each) for each in self._each_thread())

    # How it is read

    def _prepare(self) -> None:
        table = self.table
        self._thread = table.record(
            "thread.tstate",
            "thread.native_id",
            "thread.current",
            "thread.target",
            "thread.next",
        )
        self._head = table.record("object.ob_refcnt:q", "object.ob_type", "greenlet.state")
        self._state = table.record(
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
            self._frame_record = table.record(
                "frame.code", "frame.previous", "frame.instruction", "frame.owner:b"
            )
            self._entry_owner: int | None = table.get("frame.owned_by_entry")
            self._instruction_size = 1
        else:
            self._frame_record = table.record(
                "frame_object.f_code",
                "frame_object.f_back",
                "frame_object.f_lasti:i",
                "object.ob_refcnt:b",  # in the place of the owner: there is none
            )
            self._entry_owner = None
            self._instruction_size = 2

    def _note(self, text: str) -> None:
        if len(self.notes) < MOST_NOTES and text not in self.notes:
            self.notes.append(text)

    def _each_thread(self) -> Iterator[Thread]:
        table, memory = self.table, self.memory
        buckets = table["threads.bucket_count"]
        if buckets > MOST_THREADS:
            raise IntrospectionError("the table of switchlib is damaged")
        data = memory.read(table["threads.buckets"], 8 * buckets)
        for address in filter(None, struct.unpack(f"<{buckets}Q", data)):
            try:
                yield from self._threads_from(address)
            except Unreadable as error:
                self._note(f"a thread: {error}")

    def _threads_from(self, address: int) -> Iterator[Thread]:
        """The threads in a bucket of the table."""
        table, memory = self.table, self.memory
        for _ in range(MOST_THREADS):
            tstate, native_id, current, target, following = self._thread.read(memory, address)
            ident, frame = 0, 0
            try:
                ident = memory.pointer(tstate + table["thread_state.thread_id"])
                frame = self._first_frame(tstate)
            except Unreadable as error:
                self._note(f"the thread state of thread {native_id}: {error}")
            yield Thread(address, tstate, ident, native_id, "", current, target, frame)
            address = following
            if not address:
                return
        self._note("threads: their table has no end")

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

    def _load_list(self, thread: Thread, link: int, most: int = MOST_GREENLETS) -> None:
        """Adds the greenlets of the list to which the pointer at an address leads, `most` of them
        at most.
        """
        memory = self.memory
        switching: tuple[int, ...] = ()
        if thread.target_address or (not thread.ended and self._is_half_way(thread)):
            switching = (thread.current_address, thread.target_address)
        found: list[Greenlet] = []
        seen: set[int] = set()
        try:
            address = memory.pointer(link)
            while address and len(found) < most:
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
                if address in seen or address in self.by_address:
                    raise Unreadable(address, "a greenlet that is listed twice")
                seen.add(address)
        except Unreadable as error:
            self._note(f"greenlets of thread {thread.native_id}: {error}")
        for each in reversed(found):
            self.by_address[each.address] = each
            thread.greenlets.append(each)

    def _walk(self, frame: int) -> list[RawFrame]:
        """The frames from this one on."""
        record, memory = self._frame_record, self.memory
        pick, unpack_from, size = record.pick, record.form.unpack_from, record.form.size
        entry_owner, scale = self._entry_owner, self._instruction_size
        start, most = 0, -1
        data: Buffer = b""  # the block at hand: most frames of a stack are in one
        found: list[RawFrame] = []
        mark, next_mark = 0, 64  # a frame that is met again is part of a cycle
        try:
            for count in range(MOST_FRAMES):
                if not frame:
                    return found
                if frame == mark:
                    raise Unreadable(frame, "a cycle of frames")
                if count == next_mark:
                    mark, next_mark = frame, 2 * next_mark
                offset = frame - start
                if 0 <= offset <= most:
                    fields = unpack_from(data, offset)
                else:
                    fields = memory.unpack(record.form, frame)
                    block = memory.block(frame)
                    start, most, data = block.start, block.size - size, block.data
                code, previous, instruction, owner = pick(fields)
                # From 3.15 on the last frame is owned by the interpreter, too.
                if owner != entry_owner:
                    found.append((frame, code & ~TAGS, scale * instruction))
                frame = previous
            self._note(TOO_DEEP)
        except Unreadable as error:
            self._note(f"frames: {error}")
        return found

    def frame_at(self, address: int) -> Frame | None:
        """The frame at an address, such as a coroutine's. Raises Unreadable if there is none."""
        code, _, instruction, _ = self._frame_record.read(self.memory, address)
        self.objects.code(code & ~TAGS)
        return self._frame(address, code & ~TAGS, self._instruction_size * instruction)

    def _frame(self, address: int, code_address: int, instruction: int) -> Frame | None:
        code, line = self._spot(code_address, instruction)
        return None if code is None else Frame(address, code, line, self.objects)

    def _spot(self, code_address: int, instruction: int) -> tuple[Code | None, int | None]:
        """The code, if it can be read, and the line of an instruction."""
        key = code_address, instruction
        found = self._spots.get(key)
        if found is None:
            try:
                code = self.objects.code(code_address)
                found = code, line_at(code.lines, max(instruction - code.start, 0))
            except Unreadable as error:
                self._note(f"a frame's code: {error}")
                found = None, None
            self._spots[key] = found
        return found

    def _run_of(self, greenlet: Greenlet) -> Function | None:
        try:
            run = greenlet.run_address
            if not run:
                run = self.objects.class_attribute(greenlet.type_address, "run")
            return self.objects.function(run) if run else None
        except Unreadable:
            return None

    @cached_property
    def thread_names(self) -> dict[int, str]:
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
