"""The notes on errors (PEP 678): which threads, greenlets and functions an error is about.

The policy imports this when it raises an error. Nothing of the program is called here, such as the
`repr` of an object or a property of a class: names come from types, code and threads themselves.
"""

from __future__ import annotations

import sys
from time import monotonic
from types import FunctionType, MethodType

from switchlib._mechanism import begun_run_of, main_of, parent_of, running, state_of, thread_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from switchlib._greenlet import greenlet
    from switchlib._track import Record

MOST_MEMBERS = 10  # of a chain of parents that are listed

_type_name = type.__dict__["__name__"].__get__  # a metaclass may have a property of that name


def of_thread(target: greenlet, begun: greenlet) -> Iterator[str]:
    """A switch to another thread. `begun` is the nearest one of target and its ancestors that
    has started.
    """
    yield f"It was called in {_thread_of(running())}."
    belongs = "The greenlet belongs" if begun is target else "The greenlet's ancestor belongs"
    yield f"{belongs} to {_thread_of(begun)}."
    yield from of_greenlet(target)


def of_parents_thread(target: greenlet, root: greenlet, parent: greenlet) -> Iterator[str]:
    """A parent that belongs to another thread; `root` is its topmost ancestor."""
    yield f"The greenlet belongs to {_thread_of(target)}."
    yield f"The parent belongs to {_thread_of(root)}."
    yield from of_greenlet(parent)


def of_greenlet(target: greenlet) -> Iterator[str]:
    """What is known of a greenlet."""
    yield f"The greenlet is {_greenlet(target)}{_age(target)}."
    run = begun_run_of(target)
    if run is not None:
        yield f"Its run is {_callable(run)}."
    record = _record(target)
    if record is not None and record.places:
        places = " < ".join(f"{c.co_filename}:{line} ({c.co_name})" for c, line in record.places)
        yield f"It was created at {places}."
    elif record is None:
        yield "Set SWITCHLIB_TRACK=1 to see here where it was created."


def of_cycle(target: greenlet, parent: greenlet) -> Iterator[str]:
    """`parent` is a descendant of target."""
    yield f"The cycle would be: {_chain(target, parent, target)}."


def of_lineage(target: greenlet) -> Iterator[str]:
    """None of target's ancestors is alive."""
    yield f"Its parents are: {_chain(target, parent_of(target), None)}."
    yield from of_greenlet(target)


def of_root(parent: greenlet, root: greenlet) -> Iterator[str]:
    """The topmost ancestor of a parent is no main greenlet."""
    what = "The parent" if parent is root else "The parent's topmost ancestor"
    yield f"{what}, {_greenlet(root)}, has lost its own parent to the garbage collector."
    yield from of_greenlet(parent)


def _chain(first: greenlet, at: greenlet | None, last: greenlet | None) -> str:
    """`first`, `at`, and the parents of that, up to `last` or the end."""
    members = [_greenlet(first)]
    while at is not None and at is not last and len(members) < MOST_MEMBERS:
        members.append(_greenlet(at))
        at = parent_of(at)
    if at is not None and at is last:
        members.append(f"the first one at {id(first):#x}")
    elif at is not None:
        members.append("...")
    return ", child of ".join(members)


def _greenlet(each: greenlet) -> str:
    return f"{_type_name(type(each))} at {id(each):#x} ({state_of(each)})"


def _thread_of(begun: greenlet) -> str:
    """The thread of a greenlet that has begun."""
    ident = thread_ident(begun)
    if main_of(begun) is None:  # another thread may have got the number
        return f"a thread that has ended (its number was {ident})"
    thread = getattr(sys.modules.get("threading"), "_active", {}).get(ident)
    name = None if thread is None else object.__getattribute__(thread, "__dict__").get("_name")
    return f"thread {name!r} ({ident})" if type(name) is str else f"thread {ident}"


def _callable(run: Any) -> str:
    bound = ""
    if type(run) is MethodType:
        run, bound = run.__func__, "the method "
    if type(run) is FunctionType:
        code = run.__code__
        return f"{bound}{code.co_name}, at {code.co_filename}:{code.co_firstlineno}"
    functools = sys.modules.get("functools")
    if functools is not None and type(run) is functools.partial:
        return f"a partial of {_callable(run.func)}"
    return f"a {_type_name(type(run))} object at {id(run):#x}"


def _record(target: greenlet) -> Record | None:
    module = sys.modules.get("switchlib._track")
    return None if module is None else module._record_of(target)


def _age(target: greenlet) -> str:
    """When it started, was left, or ended, if that is tracked."""
    record = _record(target)
    if record is None:
        return ""
    now = monotonic()
    times = [("started", record.started), ("was left", record.since), ("ended", record.ended)]
    return "".join(f", {what} {now - time:.3f} s ago" for what, time in times if time is not None)


def add(error: BaseException, notes: Iterator[str]) -> None:
    """Adds the notes, as far as they can be made."""
    for note in notes:
        error.add_note(note)
