"""One operation with all actions at all places, in a process of its own:
EXTENSION OPERATION EVERY OFFSET.

Each run is told on standard output before it begins (so that the last line says where a crash was),
and what it found after it: lines of JSON.
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.points.build import load

load(Path(sys.argv[1]))

from switchlib import _mechanism, _switch, getcurrent  # noqa: E402
from tests.points.world import (  # noqa: E402
    ACTIONS,
    OPERATIONS,
    STAYING,
    UNTOLD,
    World,
    go_to_main,
    in_a_thread,
    trace_no_more,
)

Operation = Callable[[World], Callable[[], Any]]
Action = Callable[[World], None]
Outcome = tuple[str, ...]

sys.unraisablehook = lambda event: (
    None
)  # what a victim raises, and a hostile action in a destructor


class Survivors:
    """Standard error, which hears of greenlets that a kill did not end. They are there for ever."""

    count = quiet = 0

    def write(self, text: str) -> None:
        if text.startswith("GreenletExit did not kill"):
            self.count += 1
            self.quiet = 2  # what follows is the greenlet and the end of the line
        elif self.quiet:
            self.quiet -= 1
        else:
            sys.__stderr__.write(text)

    def flush(self) -> None:
        sys.__stderr__.flush()


survivors = Survivors()


def outcome_of(act: Callable[[], Any]) -> str:
    try:
        return repr(act())
    except BaseException as exception:
        return type(exception).__name__


def finish(w: World, result: str) -> Outcome:
    """What came of a run, of which nothing may be left."""
    assert getcurrent() is w.main
    found = (result, *sorted(w.events), *w.state())
    w.end_all()
    return found


def in_turn(operation: Operation, action: Action) -> set[Outcome]:
    """What comes of operation and action one after the other, in either order,
    and if who arrives does the action.
    """
    outcomes = set()
    for when in ("before", "on arrival", "before the reply", "after", "never"):
        w = World()
        act = operation(w)
        if when == "before":
            outcome_of(lambda: action(w))  # noqa: B023
        else:
            w.actions[when] = action
        result = outcome_of(act)
        if when == "after":
            outcome_of(lambda: action(w))  # noqa: B023
        outcomes.add(finish(w, result))
    return outcomes


def live() -> tuple[int, ...]:
    """What there is of greenlets, but for the buffer of the main one."""
    gc.collect()
    in_a_thread(getcurrent)  # a thread that begins notices which have ended
    getcurrent()
    kept = _mechanism.slice_of(getcurrent())[4]
    counts = _switch.lib.stack_counts
    return counts.buffers - (kept > 0), counts.bytes - kept, _mechanism.count_doomed()


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def strike(operation: Operation, action: Action, number: int) -> tuple[Outcome, int, str | None]:
    """The outcome with the action at the number-th place; how many places were passed,
    and which one that was.
    """
    w = World()
    act = operation(w)
    if action in STAYING:
        w.actions["in a finaliser"] = action
    _mechanism.arm_point(number, lambda fails: action(w))
    result = outcome_of(act)
    passed, place = _mechanism.disarm_point()
    return finish(w, result), passed, place


def runs(operation: Operation) -> Iterator[tuple[bool, Action, int]]:
    """Modes, actions and places."""
    for shortcuts in (True, False):
        _mechanism.shortcuts(shortcuts)
        _, passed, _ = strike(operation, trace_no_more, sys.maxsize)
        for action in ACTIONS:
            for number in range(1, passed + 1):
                yield shortcuts, action, number


def main(name: str, every: int, offset: int) -> None:
    operation = next(each for each in OPERATIONS if each.__name__ == name)
    likes: dict[tuple[bool, Action], set[Outcome]] = {}
    for shortcuts, action, number in itertools.islice(runs(operation), offset, None, every):
        if (shortcuts, action) not in likes:
            likes[shortcuts, action] = in_turn(operation, action)
        tell(run=[shortcuts, action.__name__, number])
        before, survivors.count = live(), 0
        outcome, _, place = strike(operation, action, number)
        # What stays away from a tracer's call is held by its own stack,
        # in the pair that the tracer gets.
        left = live() != before and not survivors.count and action is not go_to_main
        left &= "PyFile_Write" not in (place or "")  # the survivor that could not be told of
        like = not UNTOLD.isdisjoint({operation, action}) or outcome in likes[shortcuts, action]
        tell(place=place, outcome=outcome, like=like, left=left)
    tell(points=_mechanism.points())


if __name__ == "__main__":
    sys.stderr = survivors  # type: ignore[assignment]
    main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
