"""What was read of a process as text for people, and as JSON for programs."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from .names import label, short_class
from .objects import Function
from .process import CURRENT, STACK_END, Frame, Greenlet, Process
from .shown import shown
from .source import source_line
from .tasks import Awaited, Step, Task
from .waits import deadlocks
from .waits.deadlocks import Deadlock
from .waits.wait import Wait, seconds

JSON_VERSION = 1
NOTHING = "-"
MOST_PARTS = 20  # of a path, in a short name
DEEPEST = 150  # a line of a tree is indented by so much at most, and then begins anew
WIDEST = 120  # cell of a table, in characters
HEAD = ["THREAD", "GREENLET", "NAME", "STATE", "PARENT", "DEPTH", "STACK", "RUN", "STANDS AT"]
WAITS = "WAITS FOR"
ENDS = ("end of", "switch or end of")  # kinds of waits for a greenlet
MOST_WAITS = 3  # of a greenlet, or of a group of greenlets, that are shown


class Paths:
    """Short names of files: as many parts of a path, from its end, as make it unambiguous."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._short: dict[str, str] = {}
        by_name = defaultdict(set)
        for path in set(paths):
            by_name[os.path.basename(path)].add(path)
        for same in by_name.values():
            parts = {path: path.split("/") for path in same}
            count = 1
            while len({tuple(each[-count:]) for each in parts.values()}) < len(same):
                count += 1
                if count > MOST_PARTS:
                    parts = {path: [path] for path in same}
            for path, each in parts.items():
                self._short[path] = "/".join(each[-count:])

    def short(self, path: str) -> str:
        """The short name of one of the paths; of another one the path itself."""
        return self._short.get(path, path)


def summary(process: Process, source: str) -> str:
    """One line about the whole. `source` says what was read, such as "process 123"."""
    states: dict[str, int] = defaultdict(int)
    for each in process.greenlets:
        states[each.state] += 1
    threads = sum(not each.ended for each in process.threads)
    counted = ", ".join(f"{count:,} {state}" for state, count in states.items())
    text = (
        f"{source}, CPython {process.python_version}: "
        f"{_count(len(process.by_address), 'greenlet')} in {_count(threads, 'thread')}"
    )
    if counted:
        text += f" ({counted})"
    if process.held is not None:
        text += f"; held for {1000 * process.held:.0f} ms"
    if process.stopped_by:
        text += "; it is stopped by a signal"
    changed = sum(each.changed for each in process.greenlets)
    if changed:
        text += f"; {changed:,} changed while they were read, marked with ~"
    return text


def ps(process: Process) -> Iterator[str]:
    """Lines of a table with one greenlet each."""
    where = {each.address: each.innermost for each in process.greenlets}
    runs = {each.address: each.run for each in process.greenlets}
    paths = _paths(where.values(), runs.values())
    waits = {each.address: waits_text(each) for each in process.greenlets}
    any_waits = any(waits.values())
    rows = [
        [
            each.thread.name or str(each.thread.native_id),
            f"{each.address:#x}",
            label(each, NOTHING),
            each.state + "~" * each.changed,
            _parent(each),
            f"{each.depth:,}",
            _size(each.stack_bytes),
            _run(runs[each.address]),
            _place(where[each.address], paths),
            *([waits[each.address] or NOTHING] if any_waits else []),
        ]
        for thread in process.threads
        for each in thread.greenlets
    ]
    yield from table(HEAD + [WAITS] * any_waits, rows, right=(5, 6))
    yield from deadlock_lines(process)


def tree(process: Process) -> Iterator[str]:
    """Lines with a greenlet each, below its parent. Those that tasks of asyncio run in are shown as
    parts of these, with all their frames.
    """
    tasks = process.tasks.in_greenlets()
    where = {each.address: each.innermost for each in process.greenlets}
    in_tasks = [frame for task in tasks for step in task.steps for frame in _frames_of_step(step)]
    paths = _paths([*where.values(), *in_tasks], ())
    children: dict[int, list[Greenlet | Task]] = defaultdict(list)
    drawn: set[int] = set()
    for task in tasks:
        parent = task.greenlets[0].parent
        if parent is not None:
            children[parent.address].append(task)
            drawn.update(each.address for each in task.greenlets)
    for each in process.greenlets:
        if each.parent is not None and each.address not in drawn:
            children[each.parent.address].append(each)
    for task in tasks:  # children of what is in a task are drawn below the task
        for each in task.greenlets:
            children[task.address] += children.pop(each.address, [])
    for thread in process.threads:
        roots = [each for each in thread.greenlets if each.parent is None]
        if thread.greenlets:
            yield (
                f"{thread.name or 'thread'} ({thread.native_id})"
                if not thread.ended
                else ("ended threads")
            )
        # What is left is below greenlets of other threads, or in a cycle of damaged parents.
        stack: list[tuple[Greenlet | Task, str, str]] = [(each, "", "") for each in roots[::-1]]
        while stack:
            item, before, below = stack.pop()
            under = children.get(item.address, [])
            if isinstance(item, Task):
                bar = "│  " if under else "   "
                for i, line in enumerate(_task_lines(item, paths)):
                    yield (below + bar if i else before) + line
            elif item.address in drawn:
                continue
            else:
                drawn.add(item.address)
                yield before + _tree_line(item, _place(where[item.address], paths))
            for i, child in reversed(list(enumerate(under))):
                last = i == len(under) - 1
                if len(below) > DEEPEST:
                    below = "... "
                stack.append(
                    (child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
                )
    left = len(process.by_address) - len(drawn)
    if left:
        yield f"{_count(left, 'greenlet')} with parents in a cycle"
    yield from deadlock_lines(process)


def _tree_line(greenlet: Greenlet, place: str) -> str:
    waits = waits_text(greenlet)
    state = f"waits for {waits}" if waits else greenlet.state
    text = f"{identity(greenlet)} {state}{'~' * greenlet.changed}"
    return text + (f", {place}" if place != NOTHING else "")


def _task_lines(task: Task, paths: Paths) -> Iterator[str]:
    """A task, and below it its frames and greenlets, with what is awaited innermost and last."""
    awaited = task.awaited
    about = f" awaits {_awaited_text(awaited)}" if awaited is not None else ""
    yield f"task {task.name}{about}"
    for step in task.steps:
        if isinstance(step, Greenlet):
            own = short_class(step.class_name)
            yield f"{own} {step.address:#x} {step.state}{'~' * step.changed}"
        for frame in _frames_of_step(step):
            yield "   " * isinstance(step, Greenlet) + _place(frame, paths)


def _frames_of_step(step: Step) -> list[Frame]:
    if isinstance(step, Greenlet):
        return step.frames
    return [step] if isinstance(step, Frame) else []


def _awaited_text(awaited: Awaited) -> str:
    return " ".join(filter(None, (awaited.kind, awaited.name or f"{awaited.address:#x}")))


def dump(process: Process, group: bool = False) -> Iterator[str]:
    """Lines with the whole stack of each greenlet, innermost last. With `group`, equal stacks of
    greenlets in the same state are printed once.
    """
    for thread in process.threads:
        if not thread.greenlets:
            continue
        title = "Ended threads" if thread.ended else f"Thread {thread.native_id} {thread.name}"
        yield title.rstrip() + (", on a CPU" if thread.on_cpu else "")
        groups: dict[object, list[Greenlet]] = {}
        for each in thread.greenlets:
            key: object = each.address
            if group:
                key = (each.state, each.is_main, each.places, each.depth or each.run)
            groups.setdefault(key, []).append(each)
        for members in (
            sorted(groups.values(), key=lambda each: -len(each)) if group else list(groups.values())
        ):
            yield ""
            yield "  " + _heading(members)
            yield from stack_lines(members[0], "    ")
            waits = waits_of_group(members)
            if waits:
                yield f"    waits for {waits}"
        yield ""
    yield from deadlock_lines(process)


def stack_lines(greenlet: Greenlet, indent: str) -> Iterator[str]:
    """The frames of a greenlet in the style of a traceback."""
    frames = greenlet.frames
    if not frames:
        run = greenlet.run
        if run is not None:
            place = f', "{run.filename}", line {run.line}' if run.filename else ""
            yield f"{indent}will run {run.name}{place}"
    for frame in frames:
        line = NOTHING if frame.line is None else frame.line
        yield f'{indent}File "{frame.code.filename}", line {line}, in {frame.code.qualname}'
        source = source_line(frame.code.filename, frame.line)
        if source:
            yield f"{indent}  {source}"


def table(head: list[str], rows: list[list[str]], right: tuple[int, ...] = ()) -> Iterator[str]:
    """Aligned columns; those numbered in `right` are aligned to the right."""
    rows = [[shown(cell, WIDEST) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    form = "  ".join(f"{{:{'>' if i in right else '<'}{each}}}" for i, each in enumerate(widths))
    for row in (head, *rows):
        yield form.format(*row).rstrip()


def as_json(process: Process, *, frames: bool) -> dict[str, Any]:
    """All that is known, with the frames of each greenlet if `frames` is true.

    The keys stay as they are as long as `version` does; new ones may come.
    """
    return {
        "version": JSON_VERSION,
        "pid": process.pid or None,
        "is_core": process.is_core,
        "python": process.python_version,
        "held_seconds": process.held,
        "stopped_by": process.stopped_by,
        "notes": process.notes,
        "tasks": [_task_json(each) for each in process.tasks.in_greenlets()],
        "deadlocks": [_deadlock_json(each) for each in deadlocks.find(process)],
        "threads": [
            {
                "name": thread.name,
                "native_id": thread.native_id,
                "ident": thread.ident,
                "ended": thread.ended,
                "on_cpu": thread.on_cpu,
                "greenlets": [_greenlet_json(each, frames) for each in thread.greenlets],
            }
            for thread in process.threads
        ],
    }


def _greenlet_json(greenlet: Greenlet, frames: bool) -> dict[str, Any]:
    run, where = greenlet.run, greenlet.innermost
    found: dict[str, Any] = {
        "id": greenlet.address,
        "name": greenlet.name or None,
        "class": greenlet.class_name,
        "is_main": greenlet.is_main,
        "state": greenlet.state,
        "changed": greenlet.changed,
        "parent": greenlet.parent_address or None,
        "depth": greenlet.depth,
        "stack_bytes": greenlet.stack_bytes,
        "saved_bytes": greenlet.saved,
        "stack_start": greenlet.start or None,
        "stack_stop": greenlet.stop if 0 < greenlet.stop < STACK_END else None,
        "run": run
        and {"name": run.name, "filename": run.filename or None, "line": run.line or None},
        "stands_at": where and _frame_json(where),
        "waits_for": [_wait_json(each) for each in greenlet.waits],
    }
    if frames:
        found["frames"] = [_frame_json(each) for each in greenlet.frames]
    return found


def _wait_json(wait: Wait) -> dict[str, Any]:
    return {
        "kind": wait.kind,
        "id": wait.address or None,
        "detail": wait.detail or None,
        "holder": wait.holder or None,
        "seconds_left": wait.left,
        "certain": wait.certain,
    }


def _task_json(task: Task) -> dict[str, Any]:
    awaited = task.awaited
    return {
        "id": task.address,
        "name": task.name,
        "steps": [
            {"frame": _frame_json(step)}
            if isinstance(step, Frame)
            else {"greenlet": step.address}
            if isinstance(step, Greenlet)
            else {"awaited": step.address}
            for step in task.steps
        ],
        "awaits": awaited
        and {"kind": awaited.kind, "id": awaited.address, "name": awaited.name or None},
    }


def _deadlock_json(deadlock: Deadlock) -> dict[str, Any]:
    return {
        "greenlets": [each.address for each in deadlock.members],
        "certain": deadlock.certain,
        "seconds_left": deadlock.left,
        "behind": deadlock.behind,
    }


def _frame_json(frame: Frame) -> dict[str, Any]:
    return {
        "filename": frame.code.filename,
        "line": frame.line,
        "function": frame.code.qualname,
    }


def identity(greenlet: Greenlet) -> str:
    """The name of a greenlet, or of its class, and its address."""
    return " ".join(filter(None, (label(greenlet), f"{greenlet.address:#x}")))


def waits_text(greenlet: Greenlet) -> str:
    """What a greenlet waits for; "" if that is not known."""
    process = greenlet.process
    waits = greenlet.waits
    text = " or ".join(wait_text(each, process) for each in waits[:MOST_WAITS])
    if len(waits) > MOST_WAITS:
        text += f" or {len(waits) - MOST_WAITS:,} more"
    return text if all(each.certain for each in waits) else f"{text} (perhaps)"


def wait_text(wait: Wait, process: Process) -> str:
    """What is waited for, and who holds it."""
    holder = process.by_address.get(wait.holder)
    if holder is None:
        return wait.text
    name = " ".join(filter(None, (holder.name, f"{holder.address:#x}")))
    if wait.kind.startswith(ENDS):
        return replace(wait, address=0, detail=name).text
    return f"{wait.text} held by {name}"


def waits_of_group(greenlets: list[Greenlet]) -> str:
    """What greenlets with equal stacks wait for, the most frequent first. If these are too many
    different things, then only of which kinds they are.
    """
    counts = Counter(text for each in greenlets if (text := waits_text(each)))
    if len(counts) == 1 and sum(counts.values()) == len(greenlets):
        return next(iter(counts))
    if len(counts) <= MOST_WAITS:
        return ", ".join(f"{text} ({count:,})" for text, count in counts.most_common())
    kinds: dict[str, set[int]] = defaultdict(set)
    for each in greenlets:
        for wait in each.waits:
            kinds[wait.kind].add(wait.address)
    return ", ".join(
        kind if objects == {0} else f"{kind} ({len(objects):,} different ones)"
        for kind, objects in kinds.items()
    )


def deadlock_lines(process: Process) -> Iterator[str]:
    """Lines about each cycle of waiting; none if there is no such cycle."""
    for each in deadlocks.find(process):
        count = _count(len(each.members), "greenlet")
        text = f"Deadlock of {count}" if each.certain else f"Perhaps a deadlock of {count}"
        if each.left is not None:
            text += f", until a wait ends in {seconds(each.left)}"
        if each.behind:
            text += f"; {each.behind:,} more wait for them"
        yield ""
        yield text + ":"
        for member, wait in zip(each.members, each.waits):
            yield f"  {identity(member)} waits for {wait_text(wait, process)}"


def place(greenlet: Greenlet) -> str:
    """Where a greenlet stands: file, line and function."""
    return _place(greenlet.innermost, Paths(()))


def _heading(members: list[Greenlet]) -> str:
    first = members[0]
    if len(members) == 1:
        return f"greenlet {identity(first)}, {_state(first)}"
    some = ", ".join(f"{each.address:#x}" for each in members[:3])
    more = f" and {len(members) - 3:,} more" if len(members) > 3 else ""
    return f"{len(members):,} greenlets, {_state(first)}: {some}{more}"


def _state(greenlet: Greenlet) -> str:
    mark = "current  <==" if greenlet.state == CURRENT else greenlet.state
    return mark + (", changed while it was read" if greenlet.changed else "")


def _parent(greenlet: Greenlet) -> str:
    if not greenlet.parent_address:
        return NOTHING
    if greenlet.parent is not None and greenlet.parent.is_main:
        return "main"
    return f"{greenlet.parent_address:#x}"


def _paths(frames: Iterable[Frame | None], runs: Iterable[Function | None]) -> Paths:
    of_frames = {each.code.filename for each in frames if each is not None}
    return Paths(of_frames | {each.filename for each in runs if each is not None})


def _run(run: Function | None) -> str:
    return NOTHING if run is None else run.name


def _place(frame: Frame | None, paths: Paths) -> str:
    if frame is None:
        return NOTHING
    line = "?" if frame.line is None else frame.line
    return f"{paths.short(frame.code.filename)}:{line} {frame.code.qualname}"


def _size(size: int) -> str:
    return f"{size:,} B" if size < 10_000 else f"{size / 1024:,.0f} KiB"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
