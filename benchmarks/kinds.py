"""What greenlets cost from start to end, by what their `run` is.

    python kinds.py KIND DEPTH NUMBER MODULE

starts NUMBER greenlets, each of which is then suspended DEPTH Python calls deep, and lets them end.
Prints, as JSON, the processor time of one, in seconds, and the resident bytes of one while all are
suspended. The time is that of the quickest of several passes, the bytes are those of the first.
"""

from __future__ import annotations

import contextvars
import functools
import importlib
import itertools
import json
import sys
import time
from collections.abc import Callable
from itertools import repeat
from types import ModuleType
from typing import Any

from cases import Growth

Starter = Callable[[], Callable[[], Any]]
"""Makes what starts one greenlet and returns it, suspended.

What it makes beforehand is not the greenlet's.
"""

GREENLETS_A_MEASUREMENT = 20_000
"""Starts are repeated until there were so many: where few are alive at once, a single round is too
short for the clock.
"""


def nested(module: ModuleType) -> Callable[[int], None]:
    """A function that calls itself so often, and then switches to the main greenlet."""
    main = module.getcurrent()

    def work(left: int) -> None:
        if left:
            work(left - 1)
        else:
            main.switch()

    return work


def kinds(module: ModuleType, depth: int) -> dict[str, Starter]:
    work = nested(module)
    greenlet = module.greenlet

    def starts(run: Any, *args: object) -> Callable[[], Any]:
        def start() -> Any:
            started = greenlet(run)
            started.switch(*args)
            return started

        return start

    def run_of_all() -> None:
        work(depth)

    class Worker:
        def method(self) -> None:
            work(depth)

        __call__ = method

    class Subclass(greenlet):  # type: ignore[misc, valid-type]
        def run(self) -> None:
            work(depth)

    def function() -> Callable[[], Any]:
        return starts(run_of_all)

    def closure() -> Callable[[], Any]:
        def run() -> None:
            work(depth)

        return starts(run)

    def bound_method() -> Callable[[], Any]:
        return starts(Worker().method)

    def subclass() -> Callable[[], Any]:
        def start() -> Any:
            started = Subclass()
            started.switch()
            return started

        return start

    def partial() -> Callable[[], Any]:
        return starts(functools.partial(work, depth))

    def callable_object() -> Callable[[], Any]:
        return starts(Worker())

    def c_function() -> Callable[[], Any]:
        return starts(contextvars.Context().run, work, depth)

    def cython_function() -> Callable[[], Any]:
        import compiled_by_cython  # of compiled_by_cython.pyx, see environments.py

        return starts(compiled_by_cython.function(work, depth))

    made = (
        function,
        closure,
        bound_method,
        subclass,
        partial,
        callable_object,
        c_function,
        cython_function,
    )
    return {make.__name__.replace("_", " "): make for make in made}


def alternating(small: Starter, large: Starter) -> Starter:
    """One and the other in turn."""
    turns = itertools.cycle((small, large))
    return lambda: next(turns)()


def cost(starter: Starter, number: int) -> dict[str, float]:
    """Of one greenlet."""
    starts = [starter() for _ in range(number)]
    kept: list[Any] = [None] * number
    with Growth() as growth:
        start_all(starts, kept)
        resident = growth.measure()
    end_all(kept)
    times = max(1, GREENLETS_A_MEASUREMENT // number)
    return {
        "bytes": resident / number,
        "seconds": min(measure(starts, kept, times) for _ in range(3)) / times / number,
    }


def measure(starts: list[Callable[[], Any]], kept: list[Any], times: int) -> float:
    began = time.process_time()
    for _ in repeat(None, times):
        start_all(starts, kept)
        end_all(kept)
    return time.process_time() - began


def start_all(starts: list[Callable[[], Any]], kept: list[Any]) -> None:
    for index, start in enumerate(starts):
        kept[index] = start()


def end_all(kept: list[Any]) -> None:
    for index in range(len(kept)):
        kept[index].switch()
        kept[index] = None


def main() -> None:
    kind, depth, number, name = sys.argv[1:]
    module = importlib.import_module(name)
    starter = kinds(module, int(depth))[kind.removeprefix("alternating ")]
    if kind.startswith("alternating "):
        starter = alternating(kinds(module, 0)[kind.removeprefix("alternating ")], starter)
    print(json.dumps(cost(starter, int(number))))


if __name__ == "__main__":
    main()
