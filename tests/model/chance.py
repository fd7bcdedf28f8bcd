"""Random programs, weighted so that most of them do much.

A caller brings a function that chooses from a table. Hypothesis does (test_model.py),
and then shrinks what fails; a random number generator does it a hundred times faster (__main__.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count, product
from typing import Any

from tests.model.program import FINALISERS, HOLDS, SLOTS, VIAS, Code, Program

BODIES, GENERATORS = range(3), range(2)
SLOT = range(SLOTS)
WHO = [*SLOT, "parent", "parent", "current", "main"]
CATCHES = ["BaseException", "Error", "Exception", "GreenletExit"]

# What is filled in later: a value of its own; code; code without a yield of the generator around
# it; one instruction; such code that begins by a switch.
VALUE, CODE, CALLED, ONE, GO = "?value", "?code", "?called", "?one", "?go"


def _all(weight: int, word: str, *operands: Iterable[Any]) -> tuple[int, list[Any]]:
    return weight, [(word, *chosen) for chosen in product(*operands)]


SWITCHES = _all(16, "switch", WHO, [(VALUE,), (VALUE,), (), (VALUE, VALUE)], [{}, {}, {"a": VALUE}])
MAKES = _all(
    12,
    "make",
    SLOT,
    [*BODIES, *BODIES, None],
    [None, None, *SLOT, "parent"],
    ["plain", "plain", "subclass", "context", "partial", "object", "method"],
)
THROWS = _all(4, "throw", WHO, ["instance", "exit", "class", "value", "handled", "junk"])
RESUMES = _all(4, "next", GENERATORS)
SIMPLE = [
    SWITCHES,
    MAKES,
    THROWS,
    RESUMES,
    _all(6, "drop", SLOT),
    _all(4, "keep", SLOT, WHO),
    _all(4, "reparent", WHO, WHO),
    _all(2, "set_run", WHO, BODIES),
    _all(4, "look", WHO),
    _all(2, "raise", [VALUE]),
    _all(2, "return", [VALUE]),
    _all(1, "reraise"),
    _all(4, "handled"),
    _all(2, "set", [VALUE]),
    _all(2, "get"),
    _all(4, "trace", ["on", "on", "off", "failing"]),
    _all(4, "hand_over"),
]
NESTED = [
    _all(40, "try", [ONE], ["BaseException"], [()]),
    _all(10, "try", [CODE], CATCHES, [CODE]),
    _all(10, "finally", [CODE], [CODE]),
    _all(12, "call", VIAS, [1, 1, 2, 5], [CALLED]),
]
YIELDS = [_all(16, "yield", [VALUE])]


def _table(*kinds: tuple[int, list[Any]]) -> list[Any]:
    """One of the instructions.

    A kind of weight 2 comes twice as often as one of weight 1, however many it has.
    """
    many = max(len(instructions) // weight for weight, instructions in kinds)
    return [each for weight, some in kinds for each in some * max(1, weight * many // len(some))]


TABLES: dict[str, Sequence[Any]] = {
    "threads": [1, 1, 1, 2],
    "main": range(25),
    "body": range(15),
    "generator": range(8),
    "nested": [0, 1, 2, 2, 3, 3],
    "first": _table(MAKES),
    "simple": _table(*SIMPLE),
    "simple, yields": _table(*SIMPLE, *YIELDS),
    "any": _table(*SIMPLE, *NESTED),
    "any, yields": _table(*SIMPLE, *NESTED, *YIELDS),
    "one": _table(SWITCHES, THROWS, RESUMES),
}
# Programs that collect: frames own much, above all the greenlet that they are frames of,
# which then goes away.
AWAY = _all(16, "switch", ["parent", "parent", "main", *SLOT], [(), (VALUE,)], [{}])
HELD = ["current", "current", "current", "current", *SLOT, "parent"]
HOLDS_ONE = _all(30, "hold", HOLDS, HELD, [GO])
HOLDS_CODE = _all(30, "hold", HOLDS, HELD, [CALLED])
COLLECTIONS = [_all(8, "collect"), _all(40, "abandon", SLOT), AWAY]
TABLES |= {
    "away": _table(AWAY),
    "hold": _table(HOLDS_ONE),
    "simple, collects": _table(*SIMPLE, *COLLECTIONS),
    "simple, yields, collects": _table(*SIMPLE, *YIELDS, *COLLECTIONS),
    "any, collects": _table(*SIMPLE, *NESTED, *COLLECTIONS, HOLDS_ONE, HOLDS_CODE),
    "any, yields, collects": _table(*SIMPLE, *NESTED, *YIELDS, *COLLECTIONS, HOLDS_ONE, HOLDS_CODE),
}

Choose = Callable[[str], Any]
"""Chooses from the table of that name. What comes first in a table is the simplest."""


def program(choose: Choose, *, keeps: bool = False, collects: bool = False) -> Program:
    """A program; with `keeps` one that does the same under any garbage collector:
    nothing dies before its end.
    """
    values = count(1)

    def code(size: str, depth: int = 2, yields: bool = False) -> Code:
        table = ("any" if depth else "simple") + (", yields" if yields else "")
        table += ", collects" if collects else ""
        return [filled(choose(table), depth, yields) for _ in range(choose(size))]

    def filled(part: Any, depth: int, yields: bool) -> Any:
        if part in FINALISERS and keeps:
            return "function"
        if part == VALUE:
            return next(values)
        if part == CODE:
            return code("nested", depth - 1, yields)
        if part == CALLED:
            return code("nested", depth - 1)
        if part == GO:
            return [filled(choose("away"), depth, False), *code("nested", depth - 1)]
        if part == ONE:
            return [filled(choose("one"), depth, yields)]
        if isinstance(part, dict):
            return {name: filled(each, depth, yields) for name, each in part.items()}
        if isinstance(part, tuple):
            return [filled(each, depth, yields) for each in part]
        return part

    def body() -> Code:
        return [*([filled(choose("hold"), 1, False)] if collects else []), *code("body")]

    threads = choose("threads")
    first = [filled(choose("first"), 0, False) for _ in range(3)]
    return Program(
        mains=[first + list(code("main")), code("main")][:threads],
        bodies=[body() for _ in BODIES],
        generators=[code("generator", yields=True) for _ in GENERATORS],
        keeps=keeps,
        collects=collects,
    )
