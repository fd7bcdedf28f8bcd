"""Watchers of contexts (PyContext_AddWatcher) are called at each switch."""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from switchlib import getcurrent, greenlet
from tests.greenlet.shared import Mine

_testcapi: Any = None
if sys.version_info >= (3, 14):
    with contextlib.suppress(ImportError):
        _testcapi = importlib.import_module("_testcapi")

pytestmark = pytest.mark.skipif(
    not hasattr(_testcapi, "add_context_watcher"),
    reason="needs CPython 3.14 or newer, and its module _testcapi",
)

SWITCHES = 0  # the kind of watcher of _testcapi's that lists the contexts it is called with
FAILS = 2  # the kind that raises


@pytest.fixture
def switches() -> Iterator[list[Any]]:
    """What the watcher was called with, after the test has read it."""
    watcher = _testcapi.add_context_watcher(SWITCHES)
    yield _testcapi.get_context_switches(watcher)
    _testcapi.clear_context_watcher(watcher)


def test_each_switch(switches):
    main = getcurrent()
    mine, first, second = contextvars.copy_context(), *(contextvars.Context() for _ in range(2))

    def run():
        main.switch()
        with pytest.raises(Mine):
            main.switch()

    def work():
        here = switches.copy()
        each, other = greenlet(run), greenlet(run)
        each.gr_context, other.gr_context = first, second
        each.switch()
        other.switch()
        each.switch()
        each.throw(Mine)
        del switches[: len(here)]

    mine.run(work)
    assert switches[:8] == [first, mine, second, mine, first, mine, first, mine]


def test_a_greenlet_without_a_context_and_a_start_by_a_throw(switches):
    def run():
        variable.set(1)

    variable = contextvars.ContextVar[int]("variable")
    outer = contextvars.Context()

    def work():
        del switches[:]
        greenlet(run).switch()
        with pytest.raises(Mine):
            greenlet(run).throw(Mine)

    outer.run(work)
    assert switches[:4] == [None, outer, None, outer]


def test_the_context_is_in_place(switches):
    """A switch to the current greenlet is none."""
    del switches[:]
    getcurrent().switch()
    assert switches == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_raises(monkeypatch):
    reported = []
    monkeypatch.setattr("sys.unraisablehook", lambda report: reported.append(report.exc_type))
    watcher = _testcapi.add_context_watcher(FAILS)
    try:
        assert greenlet(lambda value: value).switch(3) == 3
    finally:
        _testcapi.clear_context_watcher(watcher)
    assert reported == [RuntimeError, RuntimeError]
