"""Every action while collections, tracers, profilers or a busy thread are at work all the time."""

from __future__ import annotations

import contextlib
import cProfile
import itertools
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import switchlib
from switchlib import _greenlet as policy
from switchlib import getcurrent, greenlet
from tests.faults.actions import ACTIONS
from tests.settings import gc_threshold, switch_interval, traced


def collections_all_the_time() -> contextlib.AbstractContextManager[None]:
    return gc_threshold(1, 1, 1)


@contextlib.contextmanager
def every_line_traced() -> Iterator[None]:
    lines = 0

    def tracer(frame: Any, event: str, argument: Any) -> Any:
        nonlocal lines
        assert frame.f_code.co_filename != policy.__file__
        lines += 1
        return tracer

    with traced(tracer):
        yield
    assert lines


@contextlib.contextmanager
def every_call_profiled() -> Iterator[None]:
    calls = []

    def profiler(frame: Any, event: str, argument: Any) -> None:
        calls.append(frame.f_code.co_filename)

    sys.setprofile(profiler)
    try:
        yield
    finally:
        sys.setprofile(None)
    assert calls
    assert policy.__file__ not in calls


@contextlib.contextmanager
def profiled_in_c() -> Iterator[None]:
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()


@contextlib.contextmanager
def every_switch_traced() -> Iterator[None]:
    events = []
    switchlib.settrace(lambda event, pair: events.append((event, *pair)))
    try:
        yield
    finally:
        switchlib.settrace(None)
    for (_, _, arrived), (_, left, _) in itertools.pairwise(events):
        assert left is arrived, "each switch leaves the greenlet that the last one arrived at"


@contextlib.contextmanager
def with_a_busy_thread() -> Iterator[None]:
    over = False

    def work() -> None:
        main = getcurrent()
        each = greenlet(lambda: [main.switch() for _ in itertools.count()])
        while not over:
            each.switch()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with switch_interval(1e-6):
            yield
    finally:
        over = True
        thread.join()


# Without greenlets, too: call a method in a loop under cProfile, again and again,
# and count references to its class.
JIT_RECORDS = sys.version_info >= (3, 15) and sys._jit.is_enabled()


def recorded(test: Any) -> Any:
    leaks = pytest.mark.leaks("what the JIT of CPython 3.15 was recording when tracing began")
    return leaks(test) if JIT_RECORDS else test


CONDITIONS = [
    collections_all_the_time,
    every_line_traced,
    every_call_profiled,
    profiled_in_c,
    every_switch_traced,
    with_a_busy_thread,
]


@pytest.mark.parametrize("condition", CONDITIONS)
@recorded
def test_every_action_under_each_condition(condition, unraisable):
    made = [(name, *action.make()) for _ in range(5) for name, action in ACTIONS.items()]
    with condition():
        outcomes = [(name, act(), expected) for name, act, expected in made]
    for name, outcome, expected in outcomes:
        assert outcome == expected, name
    assert unraisable == []
