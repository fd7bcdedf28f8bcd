"""What was read of a process as text for people, and as JSON for programs."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from .objects import Function
from .process import CURRENT, Frame, Greenlet, Process
from .shown import shown, source_line

JSON_VERSION = 1
PLAIN_CLASSES = ("switchlib.greenlet", "greenlet.greenlet")
NOTHING = "-"
MOST_PARTS = 20  # of a path, in a short name
DEEPEST = 150  # a line of a tree is indented by so much at most, and then begins anew
WIDEST = 120  # cell of a table, in characters
HEAD = ["THREAD", "GREENLET", "NAME", "STATE", "PARENT", "DEPTH", "STACK", "RUN", "STANDS AT"]


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
    rows = [
        [
            each.thread.name or str(each.thread.native_id),
            f"{each.address:#x}",
            _name(each),
            each.state + "~" * each.changed,
            _parent(each),
            f"{each.depth:,}",
            _size(each.stack_bytes),
            _run(runs[each.address]),
            _place(where[each.address], paths),
        ]
        for thread in process.threads
        for each in thread.greenlets
    ]
    return table(HEAD, rows, right=(5, 6))


def tree(process: Process) -> Iterator[str]:
    """Lines with a greenlet each, below its parent."""
    where = {each.address: each.innermost for each in process.greenlets}
    paths = _paths(where.values(), ())
    children = defaultdict(list)
    for each in process.greenlets:
        if each.parent is not None:
            children[each.parent.address].append(each)
    drawn: set[int] = set()
    for thread in process.threads:
        roots = [each for each in thread.greenlets if each.parent is None]
        if thread.greenlets:
            yield (
                f"{thread.name or 'thread'} ({thread.native_id})"
                if not thread.ended
                else ("ended threads")
            )
        # What is left is below greenlets of other threads, or in a cycle of damaged parents.
        stack = [(each, "", "") for each in reversed(roots)]
        while stack:
            each, before, below = stack.pop()
            if each.address in drawn:
                continue
            drawn.add(each.address)
            place = _place(where[each.address], paths)
            label = _name(each, NOTHING)
            text = f"{each.address:#x} {each.state}{'~' * each.changed}"
            if label != NOTHING:
                text = f"{label} {text}"
            yield before + text + (f", {place}" if place != NOTHING else "")
            under = children.get(each.address, [])
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
        yield ""


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
        source = source_line(frame.code.filename, frame.line or 0)
        if source:
            yield f"{indent}  {source}"


def table(head: list[str], rows: list[list[str]], right: tuple[int, ...] = ()) -> Iterator[str]:
    """Aligned columns; those numbered in `right` are aligned to the right."""
    rows = [[shown(cell, WIDEST) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ]
        yield "  ".join(cells).rstrip()


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
        "run": run
        and {"name": run.name, "filename": run.filename or None, "line": run.line or None},
        "stands_at": where and _frame_json(where),
    }
    if frames:
        found["frames"] = [_frame_json(each) for each in greenlet.frames]
    return found


def _frame_json(frame: Frame) -> dict[str, Any]:
    return {
        "filename": frame.code.filename,
        "line": frame.line,
        "function": frame.code.qualname,
    }


def label(greenlet: Greenlet) -> str:
    """A name for a greenlet: its own, or that of its class."""
    return _name(greenlet)


def place(greenlet: Greenlet) -> str:
    """Where a greenlet stands: file, line and function."""
    return _place(greenlet.innermost, Paths(()))


def _heading(members: list[Greenlet]) -> str:
    first = members[0]
    if len(members) == 1:
        names = " ".join(filter(None, (_name(first, ""), f"{first.address:#x}")))
        return f"greenlet {names}, {_state(first)}"
    some = ", ".join(f"{each.address:#x}" for each in members[:3])
    more = f" and {len(members) - 3:,} more" if len(members) > 3 else ""
    return f"{len(members):,} greenlets, {_state(first)}: {some}{more}"


def _state(greenlet: Greenlet) -> str:
    mark = "current  <==" if greenlet.state == CURRENT else greenlet.state
    return mark + (", changed while it was read" if greenlet.changed else "")


def _name(greenlet: Greenlet, otherwise: str = NOTHING) -> str:
    if greenlet.name:
        return greenlet.name
    if greenlet.is_main:
        return "main"
    name = greenlet.class_name
    return otherwise if name in PLAIN_CLASSES else name.replace("__main__.", "", 1)


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
