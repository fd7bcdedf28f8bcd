"""The cases: each a function of the module under test and a number of loops that returns seconds for all of them.

`python benchmarks/cases.py MODULE CASE` runs one and prints nanoseconds (or bytes) per operation; compare.py
calls it so, in a fresh process each time.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from types import ModuleType

CASES: dict[str, tuple[str, int, Callable[[ModuleType, int], float]]] = {}
ROUNDS = 5


def case(title: str, loops: int):
    """Registers a case; `loops` operations take some tens of milliseconds."""

    def register(function):
        CASES[function.__name__] = (title, loops, function)
        return function

    return register


def timed(function: Callable[[int], object], loops: int) -> float:
    began = time.perf_counter()
    function(loops)
    return time.perf_counter() - began


@case("switch, no argument", 200_000)
def switch(module: ModuleType, loops: int) -> float:
    main = module.getcurrent()

    def other():
        while True:
            main.switch()

    def run(loops):
        for _ in range(loops // 2):
            there.switch()

    there = module.greenlet(other)
    there.switch()
    return timed(run, loops)


@case("switch, one argument", 200_000)
def switch_value(module: ModuleType, loops: int) -> float:
    main = module.getcurrent()

    def other():
        while True:
            main.switch(1)

    def run(loops):
        for _ in range(loops // 2):
            there.switch(1)

    there = module.greenlet(other)
    there.switch()
    return timed(run, loops)


@case("throw and catch", 50_000)
def throw(module: ModuleType, loops: int) -> float:
    main = module.getcurrent()

    def other():
        while True:
            try:
                main.switch()
            except ValueError:
                continue

    def run(loops):
        for _ in range(loops // 2):
            there.throw(ValueError)

    there = module.greenlet(other)
    there.switch()
    return timed(run, loops)


@case("create + start + end", 50_000)
def create(module: ModuleType, loops: int) -> float:
    def nothing():
        pass

    def run(loops):
        for _ in range(loops):
            module.greenlet(nothing).switch()

    return timed(run, loops)


@case("getcurrent", 500_000)
def getcurrent(module: ModuleType, loops: int) -> float:
    def run(loops):
        current = module.getcurrent
        for _ in range(loops):
            current()

    return timed(run, loops)


@case("a ring of 1000", 200_000)
def ring(module: ModuleType, loops: int) -> float:
    main = module.getcurrent()
    left = 0

    def member(number):
        nonlocal left
        following = members[(number + 1) % len(members)]
        main.switch()
        while left:
            left -= 1
            following.switch()
        main.switch()

    members = [module.greenlet(member) for _ in range(1000)]
    for number, each in enumerate(members):
        each.switch(number)
    left = loops
    began = time.perf_counter()
    members[0].switch()
    return time.perf_counter() - began


def measure(module_name: str, name: str) -> float:
    """Nanoseconds an operation: the median of some rounds."""
    module = importlib.import_module(module_name)
    _, loops, function = CASES[name]
    return sorted(function(module, loops) for _ in range(ROUNDS))[ROUNDS // 2] / loops * 1e9


if __name__ == "__main__":
    print(measure(sys.argv[1], sys.argv[2]))
