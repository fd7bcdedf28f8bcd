"""csrc/mechanism/hidden.c: the policy is hidden from tools that watch a program,
what runs within it is not.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import switchlib
from switchlib import _greenlet as policy
from switchlib import getcurrent, greenlet
from tests.faults.actions import ACTIONS
from tests.settings import traced

pytest.importorskip("switchlib._switch", reason="it tests the mechanism in C")

Codes = list[Any]


@contextmanager
def tracing(codes: Codes) -> Iterator[None]:
    def tracer(frame: Any, event: str, argument: Any) -> Any:
        codes.append(frame.f_code)
        return tracer

    with traced(tracer):
        yield


@contextmanager
def profiling(codes: Codes) -> Iterator[None]:
    sys.setprofile(lambda frame, event, argument: codes.append(frame.f_code))
    try:
        yield
    finally:
        sys.setprofile(None)


@contextmanager
def monitoring(codes: Codes) -> Iterator[None]:
    tools: Any = sys.monitoring
    tools.use_tool_id(3, "test")
    tools.register_callback(3, tools.events.PY_START, lambda code, offset: codes.append(code))
    tools.set_events(3, tools.events.PY_START)
    try:
        yield
    finally:
        tools.set_events(3, 0)
        tools.register_callback(3, tools.events.PY_START, None)
        tools.free_tool_id(3)


WATCHING = [tracing, profiling, *([monitoring] if sys.version_info >= (3, 12) else [])]
watched = pytest.mark.parametrize("watching", WATCHING)


def handler() -> None:
    pass


@contextmanager
def within_policy(function: Callable[[], object]) -> Iterator[None]:
    """Has it called by policy where that asks for a state,
    as a signal handler is called between any two bytecodes.
    """
    ask, called = policy.state_of, False

    def state_of(each: greenlet) -> Any:
        nonlocal called
        if not called:
            called = True
            function()
        return ask(each)

    policy.state_of = state_of
    try:
        yield
    finally:
        policy.state_of = ask
    assert called


traced_or_profiled = pytest.mark.parametrize("watching", [tracing, profiling])
"""While policy runs a tool of sys.monitoring hears of nothing: it hears of all code or of none."""


@traced_or_profiled
@pytest.mark.parametrize(
    "name", ["switch_to_the_dead", "throw_into_the_dead", "throw_into_the_unstarted"]
)
def test_a_handler_within_policy_is_watched_and_policy_is_not(watching, name):
    act, expected = ACTIONS[name].make()
    codes: Codes = []
    with within_policy(handler), watching(codes):
        assert act() == expected
    assert handler.__code__ in codes
    assert policy.__file__ not in {code.co_filename for code in codes}


@watched
def test_what_a_handler_within_policy_begins_is_watched(watching):
    """At once (but not by sys.monitoring), and when it resumes later."""
    main = getcurrent()
    codes: Codes = []
    begun: list[greenlet] = []

    def inner() -> None:
        pass

    def run() -> None:
        inner()
        main.switch()
        inner()

    def begin() -> None:
        begun.append(greenlet(run))
        begun[0].switch()

    act, expected = ACTIONS["switch_to_the_dead"].make()
    with within_policy(begin), watching(codes):
        assert act() == expected
    assert watching is monitoring or inner.__code__ in codes
    codes.clear()
    with watching(codes):
        begun[0].switch()
    assert inner.__code__ in codes
    begun.clear()


def test_a_handler_within_policy_that_begins_to_trace():
    codes: Codes = []

    def begin() -> None:
        sys.settrace(lambda frame, event, argument: codes.append(frame.f_code))
        handler()

    act, expected = ACTIONS["switch_to_the_dead"].make()
    with within_policy(begin):
        outcome = act()
    sys.settrace(None)
    assert outcome == expected
    assert handler.__code__ in codes


@traced_or_profiled
def test_what_watches_is_there_again(watching):
    """Whatever policy has put in its place, and whatever a handler within policy has put there."""
    act, expected = ACTIONS["switch_to_the_dead"].make()
    codes: Codes = []
    with watching(codes):
        assert act() == expected
        codes.clear()
        handler()
    assert handler.__code__ in codes

    def stop() -> None:
        sys.settrace(None)
        sys.setprofile(None)

    with watching(codes), within_policy(stop):
        assert act() == expected
        codes.clear()
        handler()
    assert handler.__code__ not in codes


@watched
@pytest.mark.parametrize("where", ["a trace function", "a tracer of switches"])
def test_what_a_tracer_begins_is_watched_later(watching, where):
    main = getcurrent()
    codes: Codes = []
    begun: list[greenlet] = []

    def inner() -> None:
        pass

    def run() -> None:
        getcurrent().parent.switch()
        inner()
        getcurrent().parent.switch()
        inner()

    def begin(*event: Any) -> None:
        if not begun:
            begun.append(greenlet(run))
            begun[0].switch()
            begun[0].parent = main

    if where == "a trace function":
        with traced(begin):
            handler()
    else:
        switchlib.settrace(begin)
        greenlet(handler).switch()
        switchlib.settrace(None)
    assert begun
    for _ in range(2):
        codes.clear()
        with watching(codes):
            begun[0].switch()
        assert inner.__code__ in codes
    begun.clear()


def test_a_finaliser_within_policy_is_watched():
    class Finalised:
        def __del__(self) -> None:
            pass

    def collect() -> None:
        cycle = Finalised()
        cycle.me = cycle
        del cycle
        gc.collect()

    codes: Codes = []
    act, expected = ACTIONS["switch_to_the_dead"].make()
    finaliser: Callable[..., Any] = Finalised.__del__
    with within_policy(collect), tracing(codes):
        assert act() == expected
    assert finaliser.__code__ in codes
