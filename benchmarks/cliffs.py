"""Looks for cliffs: places where a little more of something costs a lot more.

    python cliffs.py (depth | stacks | live NUMBER | collect NUMBER DEPTH) MODULE
    python cliffs.py (live NUMBER | collect NUMBER DEPTH) generators

prints, as JSON, what it measured in this process.
Each point is the quickest of several passes over all of them, in processor time.
"""

from __future__ import annotations

import gc
import importlib
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Generator, Iterable
from itertools import repeat
from types import ModuleType
from typing import Any, TypeVar

from cases import Body, Growth, make_ring

DEPTHS = range(1, 61)
LOCALS = range(25)
SIZES = range(65)  # KiB

Point = TypeVar("Point")


def quickest(
    points: Iterable[Point], measure: Callable[[Point], float], passes: int = 7
) -> list[float]:
    """What another program takes away for a while falls on one pass of a few points,
    not on all passes of one.
    """
    return [
        min(each)
        for each in zip(*([measure(point) for point in points] for _ in range(passes)), strict=True)
    ]


def depth(module: ModuleType) -> dict[str, Any]:
    """A call of a small function, from each depth of Python frames of each size:
    where does a chunk end?
    """

    def small() -> None:
        pass

    def measure(point: tuple[int, int]) -> float:
        left, count = point
        took: float = module.greenlet(callers[count]).switch(left - 1, small, 500)
        return took / 500

    callers = [caller(count) for count in LOCALS]
    points = [(left, count) for left in DEPTHS for count in LOCALS]
    costs = quickest(points, measure, passes=25)
    dearest = max(costs)
    return {
        "median": statistics.median(costs),
        "dearest": dearest,
        "depth": points[costs.index(dearest)][0],
        "locals": points[costs.index(dearest)][1],
    }


def caller(count: int) -> Callable[..., float]:
    """A function that calls itself, and then `small`. It has `count` locals,
    in addition to those that it needs.
    """
    assignments = "".join(f"    v{number} = " for number in range(count)).replace("    v", "v")
    source = f"""
def caller(left, small, times):
    {assignments}None
    if left:
        return caller(left - 1, small, times)
    began = process_time()
    for _ in repeat(None, times):
        small()
    return process_time() - began
"""
    namespace: dict[str, Any] = {"repeat": repeat, "process_time": time.process_time}
    exec(source, namespace)
    function: Callable[..., float] = namespace["caller"]
    return function


class Switches:
    """Its repr switches to main for ever, below the repr of lists in lists."""

    def __init__(self, main: Any) -> None:
        self.main = main

    def __repr__(self) -> str:
        while True:
            self.main.switch()


def suspended(module: ModuleType, levels: int) -> Any:
    nested: object = Switches(module.getcurrent())
    for _ in range(levels):
        nested = [nested]
    there = module.greenlet(repr)
    there.switch(nested)
    return there


def stacks(module: ModuleType) -> dict[str, Any]:
    """A switch to and from C stacks of each size."""
    sys.setrecursionlimit(100_000)

    def measure(there: Any) -> float:
        began = time.process_time()
        for _ in repeat(None, 200):
            there.switch()
        return (time.process_time() - began) / 400

    least, more = (suspended(module, levels)._stack_saved for levels in (0, 100))
    level = (more - least) / 100
    there = [suspended(module, max(0, round((size * 1024 - least) / level))) for size in SIZES]
    costs = quickest(there, measure)
    sizes = [each._stack_saved for each in there]
    # A line from the cost of the smallest stacks. Its slope is a median,
    # so a few expensive points do not bend it.
    start = statistics.median(costs[:3])
    slope = statistics.median(
        (y - start) / (x - sizes[0]) for x, y in zip(sizes, costs, strict=True) if x > sizes[0]
    )
    line = [start + slope * (size - sizes[0]) for size in sizes]
    over = [cost / expected for cost, expected in zip(costs, line, strict=True)]
    dearest = max(over)
    return {
        "sizes": sizes,
        "costs": costs,
        "line": line,
        "over": dearest,
        "at": sizes[over.index(dearest)],
    }


def live(module: ModuleType, number: int) -> dict[str, Any]:
    """Switches from one to the next of `number` greenlets, in random order."""
    with Growth() as growth:
        body = make_ring(module, shuffled(number))
        return {
            "resident": growth.measure(),
            "cost": cost(body, number + 1),
        }  # the main greenlet closes the ring


def live_generators(number: int) -> dict[str, Any]:
    """Resumes `number` generators in random order: what the memory alone takes,
    for less than a greenlet has of it.
    """

    def endless() -> Generator[None, None, None]:
        while True:
            yield

    with Growth() as growth:
        generators = [endless() for _ in range(number)]
        for each in generators:
            next(each)
        resident = growth.measure()
    order = [generators[index] for index in shuffled(number)]

    def body(loops: int) -> None:
        for _ in repeat(None, loops // number):
            for each in order:
                next(each)

    return {"resident": resident, "cost": cost(body, number)}


def collect(module: ModuleType, number: int, depth: int) -> dict[str, Any]:
    """Collections with `number` suspended greenlets, each `depth` Python frames deep."""
    main = module.getcurrent()

    def nested(left: int) -> None:
        if left:
            nested(left - 1)
        else:
            main.switch()

    def suspended() -> Any:
        each = module.greenlet(nested)
        each.switch(depth - 1)
        return each

    return collections(suspended, number, depth)


def collect_generators(number: int, depth: int) -> dict[str, Any]:
    """The same with generators; a deep one is the outermost of
    several that yield from each other.
    """

    def nested(left: int) -> Generator[None, None, None]:
        if left:
            yield from nested(left - 1)
        else:
            yield

    def suspended() -> Generator[None, None, None]:
        each = nested(depth - 1)
        next(each)
        return each

    return collections(suspended, number, depth)


def collections(suspended: Callable[[], object], number: int, depth: int) -> dict[str, Any]:
    """What they add to a full collection, a frame;
    and how long a young one takes while they all are old.
    """
    gc.collect()
    gc.disable()
    without = collection(2)
    kept = [suspended() for _ in range(number)]
    gc.collect()
    full = collection(2) - without
    young = collection(0, times=200)
    del kept
    return {"frame": full / (number * depth), "full": full, "young": young}


def collection(generation: int, times: int = 7) -> float:
    """The quickest of several, in seconds."""

    def measure() -> float:
        began = time.process_time()
        gc.collect(generation)
        return time.process_time() - began

    return min(measure() for _ in range(times))


def shuffled(number: int) -> list[int]:
    order = list(range(number))
    random.Random(1).shuffle(order)
    return order


def cost(body: Body, number: int) -> float:
    """Of one operation, in seconds; a round has so many."""
    loops = max(1, 200_000 // number) * number

    def measure(loops: int) -> float:
        began = time.process_time()
        body(loops)
        return (time.process_time() - began) / loops

    return min(measure(loops) for _ in range(5))


def main() -> None:
    what, *numbers, name = sys.argv[1:]
    looks: dict[str, Callable[..., dict[str, Any]]]
    if name == "generators":
        looks = {"live": live_generators, "collect": collect_generators}
        found = looks[what](*map(int, numbers))
    else:
        looks = {"depth": depth, "stacks": stacks, "live": live, "collect": collect}
        found = looks[what](importlib.import_module(name), *map(int, numbers))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
