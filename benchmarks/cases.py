"""The cases. Each is a function that takes the module to test, prepares, and returns a body.

A body takes the number of operations to do. It is timed from outside and returns None,
or it returns what it has measured itself, for all the operations together.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from types import ModuleType
from typing import Any, Literal, Optional

import psutil

Body = Callable[[int], Optional[float]]
Setup = Callable[[ModuleType], Body]


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    setup: Setup
    loops: int
    """Operations that take greenlet some tens of milliseconds; or as many as the case is about."""
    at_most: float | None
    """The ratio to greenlet that is the target on CPython 3.11."""
    switches: bool
    """Whether it is about switching alone: then it is measured with the shortcuts off, too."""
    unit: Literal["second", "byte"]
    waits: bool
    """Whether other threads are part of it.

    Otherwise processor time is measured, which is the process's own.
    """


CASES: dict[str, Case] = {}


def case(
    title: str,
    loops: int,
    at_most: float | None = None,
    switches: bool = False,
    unit: Literal["second", "byte"] = "second",
    waits: bool = False,
) -> Callable[[Setup], Setup]:
    def register(setup: Setup) -> Setup:
        name = setup.__name__
        CASES[name] = Case(name, title, setup, loops, at_most, switches, unit, waits)
        return setup

    return register


def to_and_fro(there: Any) -> Body:
    """Switches to a suspended greenlet that switches back at once: two switches a turn."""

    def body(loops: int) -> None:
        for _ in repeat(None, loops // 2):
            there.switch()

    return body


@case("switch, no argument", loops=200_000, at_most=0.18, switches=True)
def switch(module: ModuleType) -> Body:
    main = module.getcurrent()

    def other() -> None:
        while True:
            main.switch()

    there = module.greenlet(other)
    there.switch()
    return to_and_fro(there)


@case("switch, one argument", loops=200_000, at_most=0.18, switches=True)
def switch_value(module: ModuleType) -> Body:
    main = module.getcurrent()

    def other() -> None:
        while True:
            main.switch(1)

    def body(loops: int) -> None:
        for _ in repeat(None, loops // 2):
            there.switch(1)

    there = module.greenlet(other)
    there.switch()
    return body


@case("switch with keywords", loops=200_000, at_most=0.36, switches=True)
def switch_keywords(module: ModuleType) -> Body:
    main = module.getcurrent()

    def other() -> None:
        while True:
            main.switch(a=1)

    def body(loops: int) -> None:
        for _ in repeat(None, loops // 2):
            there.switch(a=1)

    there = module.greenlet(other)
    there.switch()
    return body


@case("throw and catch", loops=20_000, at_most=0.12, switches=True)
def throw(module: ModuleType) -> Body:
    main = module.getcurrent()

    def other() -> None:
        while True:
            try:
                main.switch()
            except ValueError:
                continue

    def body(loops: int) -> None:
        for _ in repeat(None, loops // 2):
            there.throw(ValueError)

    there = module.greenlet(other)
    there.switch()
    return body


@case("create + start + end", loops=10_000, at_most=0.03)
def create(module: ModuleType) -> Body:
    greenlet = module.greenlet

    def f() -> None:
        pass

    def body(loops: int) -> None:
        for _ in repeat(None, loops):
            greenlet(f).switch()

    return body


@case("SQLAlchemy's pattern", loops=8_000, at_most=0.06)
def sqlalchemy(module: ModuleType) -> Body:
    """What its greenlet_spawn and await_only do of switching:
    a greenlet with a given parent awaits once.
    """
    greenlet, getcurrent = module.greenlet, module.getcurrent

    def f() -> Any:
        return getcurrent().parent.switch(1)

    def body(loops: int) -> None:
        for _ in repeat(None, loops):
            context = greenlet(f, getcurrent())
            result = context.switch()
            while not context.dead:
                result = context.switch(result)

    return body


@case("SQLAlchemy's subclass, with a context", loops=8_000)
def sqlalchemy_subclass(module: ModuleType) -> Body:
    greenlet, getcurrent = module.greenlet, module.getcurrent

    class AsyncGreenlet(greenlet):  # type: ignore[misc, valid-type]
        def __init__(self, function: Callable[[], Any], driver: Any) -> None:
            greenlet.__init__(self, function, driver)
            self.gr_context = driver.gr_context

    def f() -> Any:
        return getcurrent().parent.switch(1)

    def body(loops: int) -> None:
        for _ in repeat(None, loops):
            context = AsyncGreenlet(f, getcurrent())
            result = context.switch()
            while not context.dead:
                result = context.switch(result)

    return body


@case("ring of 1000", loops=100_000, at_most=0.26, switches=True)
def ring(module: ModuleType) -> Body:
    return make_ring(module, list(range(999)))


def make_ring(module: ModuleType, order: list[int]) -> Body:
    """Greenlets made in the order of their numbers;
    each switches to the one that follows it in `order`.

    The main greenlet closes the ring, and counts the rounds.
    """
    main = module.getcurrent()

    def member(following: Any) -> None:
        main.switch()
        while True:
            following.switch()

    members = [module.greenlet(member) for _ in order]
    following = dict(zip(order, order[1:]))
    for number, each in enumerate(members):
        each.switch(members[following[number]] if number in following else main)
    first = members[order[0]]
    del members, following

    def body(loops: int) -> None:
        for _ in repeat(None, loops // (len(order) + 1)):
            first.switch()

    return body


NESTED = {(3, 12): 400, (3, 13): 2_000}.get(
    sys.version_info[:2], 20_000
)  # these two limit the depth of C calls
if getattr(sys, "pypy_version_info", (0,)) >= (8,):
    NESTED = 1_000  # where its own greenlet gets to 2,000 and not to 4,000


@case("chain of nested greenlets, all end", loops=20_000, at_most=0.13)
def chain(module: ModuleType) -> Body:
    """Each greenlet starts the next, so that all lie on one C stack: it needs a large one."""
    greenlet = module.greenlet
    deepest = 0

    def nest(depth: int) -> None:
        nonlocal deepest
        if depth:
            greenlet(nest).switch(depth - 1)
        else:
            deepest += 1

    def nest_all(times: int) -> None:
        for _ in repeat(None, times):
            nest(NESTED)

    def body(loops: int) -> None:
        before = deepest
        thread = threading.Thread(target=nest_all, args=(loops // NESTED,))
        thread.start()
        thread.join()
        assert deepest - before == loops // NESTED

    sys.setrecursionlimit(10 * NESTED)
    threading.stack_size(1 << 29)
    return body


@case("getcurrent", loops=1_000_000, at_most=0.85)
def getcurrent(module: ModuleType) -> Body:
    getcurrent = module.getcurrent

    def body(loops: int) -> None:
        for _ in repeat(None, loops):
            getcurrent()

    return body


def suspended_under_c_calls(module: ModuleType, calls: int) -> Any:
    """A greenlet that switches to main for ever, below C functions that call Python functions."""
    main = module.getcurrent()

    def descend(left: int) -> int:
        if left:
            max((left - 1,), key=descend)
        while True:
            main.switch()

    there = module.greenlet(descend)
    there.switch(calls)
    return there


@case("suspended inside 5 C calls", loops=200_000, at_most=0.30, switches=True)
def c_calls_5(module: ModuleType) -> Body:
    return to_and_fro(suspended_under_c_calls(module, 5))


@case("suspended inside 20 C calls", loops=100_000, at_most=0.40, switches=True)
def c_calls_20(module: ModuleType) -> Body:
    return to_and_fro(suspended_under_c_calls(module, 20))


@case("suspended inside 50 C calls", loops=50_000, at_most=0.85, switches=True)
def c_calls_50(module: ModuleType) -> Body:
    return to_and_fro(suspended_under_c_calls(module, 50))


@case("suspended inside 30 Python calls", loops=200_000, at_most=0.22, switches=True)
def python_calls(module: ModuleType) -> Body:
    main = module.getcurrent()

    def descend(left: int) -> None:
        if left:
            descend(left - 1)
        while True:
            main.switch()

    there = module.greenlet(descend)
    there.switch(30)
    return to_and_fro(there)


@case("while another thread computes", loops=1_000_000, at_most=0.25, switches=True, waits=True)
def beside_thread(module: ModuleType) -> Body:
    def compute() -> None:
        while True:
            pass

    body = switch(module)
    threading.Thread(target=compute, daemon=True).start()
    return body


@case("bytes resident, suspended", loops=50_000, at_most=0.21, unit="byte")
def memory(module: ModuleType) -> Body:
    """One Python frame deep, in main.switch().

    The first measurement of a process counts: later ones reuse memory.
    """
    greenlet, main = module.greenlet, module.getcurrent()

    def f() -> None:
        main.switch()

    def body(loops: int) -> float:
        kept: list[Any] = [None] * (1000 + loops)

        def suspend(indexes: range) -> None:
            for index in indexes:
                kept[index] = greenlet(f)
                kept[index].switch()

        suspend(range(1000))
        with Growth() as growth:
            suspend(range(1000, 1000 + loops))
            return growth.measure()

    return body


class Growth:
    """How many bytes more are resident than when the with statement began.

    The collector does not run in it.
    """

    def __enter__(self) -> Growth:
        gc.collect()
        gc.disable()
        self.process = psutil.Process()
        self.before: int = self.process.memory_info().rss
        return self

    def measure(self) -> int:
        return int(self.process.memory_info().rss) - self.before

    def __exit__(self, *exception: object) -> None:
        gc.enable()


IMPORT = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


@case("import", loops=5, at_most=1.5)
def importing(module: ModuleType) -> Body:
    """In a fresh interpreter each time, which measures it itself."""
    command = [sys.executable, "-c", IMPORT.format(module.__name__)]

    def body(loops: int) -> float:
        return sum(
            float(subprocess.run(command, capture_output=True, check=True).stdout)
            for _ in range(loops)
        )

    return body
