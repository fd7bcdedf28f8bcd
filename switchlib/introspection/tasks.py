"""Tasks of asyncio that run in greenlets, as SQLAlchemy and greenback make them.

Such a task awaits a coroutine that has started a greenlet, and gets from it what to await next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from .coroutines import MOST_AWAITED, Coroutines
from .errors import Unreadable
from .names import LONGEST
from .objects import LONG, UNICODE
from .shown import shown

if TYPE_CHECKING:
    from .process import Frame, Greenlet, Process

MODULE = "asyncio.tasks"
SETS = ("_scheduled_tasks", "_all_tasks", "_eager_tasks")  # the names differ by version
MOST_TASKS = 1_000_000
MOST_WORDS = 64  # between the beginning of a task and its link to the next one


@dataclass(frozen=True)
class Awaited:
    """What is awaited in the end: a future, or another task."""

    address: int
    kind: str  # "future" or "task"
    name: str  # of a task


Step = Union["Frame", "Greenlet", Awaited]


@dataclass(eq=False)
class Task:
    """A task, and the way from it to what it awaits: frames of coroutines, greenlets, a future."""

    address: int
    name: str
    steps: list[Step] = field(default_factory=list)
    greenlets: list[Greenlet] = field(default_factory=list)

    @property
    def awaited(self) -> Awaited | None:
        """What is awaited in the end; None if that is not known, or if the task runs."""
        last = self.steps[-1] if self.steps else None
        return last if isinstance(last, Awaited) else None


class Tasks:
    """Finds the tasks of asyncio that run in greenlets."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._objects = process.objects
        self._referents = process.referents
        self._coroutines = Coroutines(process)
        self._known: list[Task] | None = None
        self._by_greenlet: dict[int, Task] | None = None
        self._frames: dict[int, tuple[Greenlet, int]] | None = None

    def in_greenlets(self) -> list[Task]:
        """Those that run in greenlets."""
        if self._known is None:
            self._known = []
            if not self._process.has_all:
                return []
            try:
                for address in dict.fromkeys(self._all()):
                    found = self._read(address)
                    if found is not None and found.greenlets:
                        self._known.append(found)
            except Unreadable as error:
                self._process._note(f"the tasks of asyncio: {error}")
        return self._known

    def of(self, greenlet: Greenlet) -> Task | None:
        """The task that runs in a greenlet; None if there is none."""
        if self._by_greenlet is None:
            self._by_greenlet = {
                each.address: task for task in self.in_greenlets() for each in task.greenlets
            }
        return self._by_greenlet.get(greenlet.address)

    def name(self, address: int) -> str:
        """A task's name."""
        name = self._referents.attributes(address).get("_name", 0)
        for each in [name] if name else self._referents.fields(address)[::-1]:
            own = self._referents.class_of(each)
            if own is not None and own.flags & UNICODE:
                return shown(self._objects.text(each), LONGEST)
            if own is not None and own.flags & LONG:  # from 3.13 on, until somebody asks
                return f"Task-{self._objects.integer(each)}"
        return ""

    def _all(self) -> Iterator[int]:
        """The addresses of all tasks."""
        module = self._objects.module(MODULE)
        if module is None:
            return
        memory, offset = self._process.memory, self._process.table["weakref.wr_object"]
        for name in SETS:
            held = module.get(name, 0)
            members = self._referents.attributes(held).get("data", held)  # of a WeakSet
            for each in self._referents.items(members, MOST_TASKS):
                own = self._referents.class_of(each)
                if own is not None and own.name in ("weakref", "ReferenceType"):
                    each = memory.pointer(each + offset)
                if self._coroutines.is_task(each):
                    yield each
        yield from self._linked()

    def _linked(self) -> Iterator[int]:
        """Those that each thread has in a list, from 3.14 on. The links lie in the tasks."""
        head = self._process.table.get("thread_state.asyncio_tasks_head")
        if head is None:
            return
        memory = self._process.memory
        for thread in self._process.threads:
            if not thread.thread_state:
                continue
            start = thread.thread_state + head
            link = memory.pointer(start)
            for _ in range(MOST_TASKS):
                if link in (0, start):
                    break
                # The link lies in the task, which begins at the last address before it.
                for word in range(1, MOST_WORDS):
                    if self._coroutines.is_task(link - 8 * word):
                        yield link - 8 * word
                        break
                link = memory.pointer(link)

    def _read(self, address: int) -> Task | None:
        task = Task(address, self.name(address))
        coroutine = self._referents.attributes(address).get("_coro", 0)
        if not coroutine:
            fields = self._referents.fields(address)
            coroutine = next(filter(self._coroutines.is_coroutine, fields), 0)
        task.steps.extend(self._steps(coroutine, task.greenlets))
        return task

    def _steps(self, awaited: int, greenlets: list[Greenlet]) -> Iterator[Step]:
        """The way from what is awaited to the last thing on it. Notes the greenlets on it."""
        for _ in range(MOST_AWAITED):
            if self._coroutines.is_future(awaited):
                is_task = self._coroutines.is_task(awaited)
                kind = "task" if is_task else "future"
                yield Awaited(awaited, kind, self.name(awaited) if is_task else "")
                return
            frame = (
                self._coroutines.frame(awaited) if self._coroutines.is_coroutine(awaited) else None
            )
            if frame is None:
                return
            for each in [frame, *self._called_by(frame)]:
                yield each
                greenlet = self._greenlet_of(each, greenlets)
                if greenlet is not None:
                    greenlets.append(greenlet)
                    yield greenlet
                    frame = each
            awaited = self._coroutines.awaited(frame)
            if not awaited and greenlets:
                awaited = self._in_variables(greenlets[-1])

    def _called_by(self, frame: Frame) -> list[Frame]:
        """The frames above a coroutine's frame on a stack, if it is being run."""
        if self._frames is None:
            self._frames = {
                raw[0]: (each, i)
                for each in self._process.greenlets
                for i, raw in enumerate(each.raw_frames)
            }
        greenlet, i = self._frames.get(frame.address, (None, 0))
        if greenlet is None:
            return []
        found = [greenlet.frame(each) for each in reversed(greenlet.raw_frames[:i])]
        return [each for each in found if each is not None]

    def _greenlet_of(self, frame: Frame, before: list[Greenlet]) -> Greenlet | None:
        """The greenlet that a coroutine runs its function in: one of its variables. If others are
        its ancestors, it is the one that is resumed.
        """
        by_address = self._process.by_address
        found = {
            each: by_address[each]
            for each in self._referents.variables(frame)
            if each in by_address
            and by_address[each].raw_frames
            and by_address[each].parent is not None
            and by_address[each] not in before
        }
        parents = {each.parent_address for each in found.values()}
        return next((each for address, each in found.items() if address not in parents), None)

    def _in_variables(self, greenlet: Greenlet) -> int:
        """A coroutine or future among the variables where a greenlet stands: the last thing that
        it has handed over to be awaited.
        """
        innermost = greenlet.innermost
        for each in self._referents.variables(innermost) if innermost else []:
            if self._coroutines.is_coroutine(each):
                frame = self._coroutines.frame(each)
                if frame is not None:
                    return each
            elif self._coroutines.is_future(each):
                return each
        return 0
