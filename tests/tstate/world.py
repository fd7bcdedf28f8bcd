"""Programs that put fresh objects into their frames, and what the collector sees of these."""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Literal

from switchlib import getcurrent, greenlet

VERSION = sys.version_info[:2]

# What a statement may end with: operands need not be what it asks for.
ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    TypeError,
    ValueError,
)

# Where an object lies besides: on the evaluation stack of a frame that calls a function of Python,
# or of C, or either, as the interpreter pleases.
Stack = Literal["calls Python", "calls C"]


class Fresh:
    """An object that only frames refer to, and the test itself. A loop may go through it."""

    def __iter__(self):
        return self

    def __next__(self):
        return None


class World:
    """What a program puts where, and how it leaves."""

    def __init__(self) -> None:
        main = getcurrent()
        self.objects: dict[str, Any] = {}
        self.stacks: dict[str, Stack] = {}
        self.mortal: list[weakref.ref[Any]] = []  # those that nothing here keeps alive
        self.containers: list[Any] = []  # what is visited besides the greenlet
        self.leave_from_c: Callable[..., Any] = main.switch

    def leave(self) -> None:
        self.leave_from_c()

    def new(self, name: str, made: Any = None, stack: Stack | None = None) -> Any:
        made = Fresh() if made is None else made
        self.objects[name] = made
        if stack is not None:
            self.stacks[name] = stack
        return made

    def has(self, container: Any) -> Any:
        """Something that visits what it has itself, as generators do on some versions."""
        self.containers.append(container)
        if VERSION < (3, 11):
            frames = (
                getattr(container, name, None) for name in ("gi_frame", "cr_frame", "ag_frame")
            )
            self.containers.extend(frame for frame in frames if frame is not None)
        return container

    def references(self) -> dict[str, int]:
        """How often each object is referred to, but for what this has."""
        calibration = {"": object()}
        (own,) = [sys.getrefcount(made) for made in calibration.values()]
        counts = [sys.getrefcount(made) for made in self.objects.values()]
        contained = Counter(map(id, self.containers))
        ids = map(id, self.objects.values())
        return {
            name: count - own - contained[i]
            for name, count, i in zip(self.objects, counts, ids, strict=True)
        }

    def visits(self, suspended: greenlet) -> dict[str, int]:
        containers = {id(each): each for each in [suspended, *self.containers]}
        visits = Counter(
            id(each) for container in containers.values() for each in gc.get_referents(container)
        )
        return {name: visits[id(made)] for name, made in self.objects.items()}

    def check(self, suspended: greenlet) -> None:
        references, visits = self.references(), self.visits(suspended)
        for name, count in references.items():
            assert count > 0
            allowed = {count}
            stack = self.stacks.get(name)
            if stack is not None and not ((3, 11) <= VERSION < (3, 14) and stack == "calls Python"):
                allowed |= {count - 1}  # it may be an operand, which are in doubt
            assert visits[name] in allowed, (name, count, visits[name])

    def check_that_none_is_visited_twice(self, suspended: greenlet) -> None:
        if VERSION >= (3, 14):  # CPython shows what generators borrow, too
            self.containers.clear()
        references, visits = self.references(), self.visits(suspended)
        for name, count in references.items():
            assert visits[name] <= count, (name, count, visits[name])

    def check_the_mortal(self) -> None:
        """The same for those that nothing here keeps alive,
        by all that was made since the last `gc.freeze`.
        """
        shown: Counter[int] = Counter()
        for each in gc.get_objects():
            if VERSION < (3, 14) or not isinstance(
                each, (GeneratorType, CoroutineType, AsyncGeneratorType)
            ):
                shown.update(map(id, gc.get_referents(each)))
        (own,) = [sys.getrefcount(each) for each in [object()]]
        mortal = [each for each in (each() for each in self.mortal) if each is not None]
        counts = [sys.getrefcount(each) - own for each in mortal]
        for each, count in zip(mortal, counts, strict=True):
            assert shown[id(each)] <= count, (each, count, shown[id(each)])

    def end(self, suspended: greenlet) -> None:
        self.leave_from_c = lambda: None
        self.objects.clear()
        self.containers.clear()
        with contextlib.suppress(*ERRORS):
            suspended.throw()
        assert suspended.dead


def through_c(function: Callable[..., object], *args: object) -> object:
    return functools.partial(function, *args)()


def pair(first: object, second: object) -> None:
    pass
