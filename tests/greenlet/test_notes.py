"""The notes on errors: which threads, greenlets and functions they are about."""

from __future__ import annotations

import functools
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import switchlib
from switchlib import getcurrent, greenlet

pytestmark = pytest.mark.skipif(
    not hasattr(BaseException, "add_note"), reason="exceptions have notes from Python 3.11 on"
)
PYPY = sys.implementation.name == "pypy"


def body(*args):
    getcurrent().parent.switch()


LINE = body.__code__.co_firstlineno


def notes_of(kind: type[Exception], text: str, function: Callable[[], object]) -> str:
    with pytest.raises(kind) as raised:
        function()
    assert str(raised.value).startswith(text)
    return "\n".join(raised.value.__notes__)  # type: ignore[attr-defined]


@contextmanager
def another_thread(work: Callable[[], Any], name: str = "the other one") -> Iterator[Any]:
    """What `work` returned in a thread that lives until the end of the block."""
    results: list[Any] = []
    done, go = threading.Event(), threading.Event()

    def run() -> None:
        results.append(work())
        done.set()
        go.wait()

    thread = threading.Thread(target=run, name=name)
    thread.start()
    done.wait()
    try:
        yield results[0]
    finally:
        results.clear()
        go.set()
        thread.join()


def suspended() -> greenlet:
    main = getcurrent()
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


@pytest.mark.leaks("the method that a suspended greenlet was calling when its thread ended")
def test_another_thread():
    with another_thread(suspended) as each:
        notes = notes_of(switchlib.error, "Cannot switch to a different thread\n", each.switch)
    assert f"It was called in thread 'MainThread' ({threading.get_ident()})." in notes
    assert re.search(r"The greenlet belongs to thread 'the other one' \(\d+\)\.", notes)
    assert f"The greenlet is greenlet at {id(each):#x} (suspended)." in notes
    assert PYPY or "Its run is <lambda>, at " in notes
    assert "Set SWITCHLIB_TRACK=1 to see here where it was created." in notes
    text = "cannot switch to a different thread (which happens to have exited)"
    notes = notes_of(switchlib.error, text, each.switch)
    assert "The greenlet belongs to a thread that has ended (its number was " in notes


def test_one_that_has_not_begun_in_another_thread():
    with another_thread(lambda: greenlet(body)) as each:
        for function in (each.switch, each.throw, functools.partial(each.switch, a=1)):
            notes = notes_of(switchlib.error, "Cannot switch to a different thread\n", function)
            assert "The greenlet's ancestor belongs to thread 'the other one'" in notes
            assert f"Its run is body, at {__file__}:{LINE}." in notes
        del function


class Callee:
    def method(self):
        raise AssertionError

    def __call__(self):
        raise AssertionError

    def __repr__(self):
        raise AssertionError


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (Callee().method, rf"the method method, at {re.escape(__file__)}:\d+"),
        (Callee(), r"a Callee object at 0x[0-9a-f]+"),
        (functools.partial(body, 1), rf"a partial of body, at {re.escape(__file__)}:{LINE}"),
        (print, r"a builtin_function(_or_method)? object at 0x[0-9a-f]+"),
    ],
    ids=["method", "object", "partial", "builtin"],
)
def test_where_the_run_is_defined(run, expected):
    with another_thread(lambda: greenlet(run)) as each:
        notes = notes_of(switchlib.error, "Cannot switch", each.switch)
    assert re.search(rf"^Its run is {expected}\.$", notes, re.MULTILINE)


def test_where_it_was_created():
    switchlib.track()
    try:
        with another_thread(lambda: greenlet(body)) as each:
            notes = notes_of(switchlib.error, "Cannot switch", each.switch)
    finally:
        switchlib.track(False)
    assert f"It was created at {__file__}:" in notes
    assert " (run) < " in notes


def test_a_cycle_of_parents():
    first = greenlet(body)
    second = greenlet(body, first)
    third = greenlet(body, second)
    notes = notes_of(ValueError, "cyclic parent chain", lambda: setattr(first, "parent", third))
    members = [f"greenlet at {id(each):#x} (unstarted)" for each in (first, third, second)]
    chain = ", child of ".join([*members, f"the first one at {id(first):#x}"])
    assert notes == f"The cycle would be: {chain}."


def test_a_long_cycle():
    first = last = greenlet(body)
    for _ in range(100):
        last = greenlet(body, last)
    notes = notes_of(ValueError, "cyclic", lambda: setattr(first, "parent", last))
    assert notes.count("child of") == 10
    assert notes.endswith("child of ....")


def test_a_parent_of_another_thread():
    mine = suspended()
    with another_thread(getcurrent) as theirs:
        notes = notes_of(
            ValueError,
            "parent cannot be on a different thread",
            lambda: setattr(mine, "parent", theirs),
        )
    assert "The greenlet belongs to thread 'MainThread'" in notes
    assert "The parent belongs to thread 'the other one'" in notes
    mine.switch()


def test_run_is_set_too_late():
    each = suspended()
    text = "run cannot be set after the start of the greenlet"
    notes = notes_of(AttributeError, text, lambda: setattr(each, "run", body))
    assert f"The greenlet is greenlet at {id(each):#x} (suspended)." in notes
    each.switch()
    notes = notes_of(AttributeError, text, lambda: setattr(each, "run", body))
    assert "(dead)." in notes
    switchlib.track()
    try:
        each = greenlet(lambda: 1)
        each.switch()
        notes = notes_of(AttributeError, text, lambda: setattr(each, "run", body))
    finally:
        switchlib.track(False)
    assert re.search(r"\(dead\), started \d\.\d{3} s ago, ended \d\.\d{3} s ago\.", notes)


def test_nothing_of_the_program_is_called():
    class Meta(type):
        __name__ = property(lambda cls: 1 / 0)  # type: ignore[assignment]

    class Hostile(greenlet, metaclass=Meta):
        def __getattribute__(self, name):
            raise AssertionError(name)

        def __repr__(self):
            raise AssertionError

    class Thread(threading.Thread):
        name = property(lambda self: 1 / 0)  # type: ignore[assignment]

    made: list[Any] = []
    done, go = threading.Event(), threading.Event()

    def work():
        made.append(Hostile(Callee()))
        done.set()
        go.wait()

    thread = Thread(target=work)
    thread.start()
    done.wait()
    try:
        with pytest.raises(switchlib.error, match="Cannot switch to a different") as raised:
            greenlet.switch(made[0])
    finally:
        go.set()
        thread.join()
        made.clear()
    assert any("The greenlet is Hostile at" in note for note in raised.value.__notes__)  # type: ignore[attr-defined]


@pytest.mark.native("how long it takes is another matter there")
def test_an_error_takes_less_than_a_tenth_of_a_millisecond():
    first = greenlet(body)
    last = functools.reduce(lambda parent, _: greenlet(body, parent), range(20), first)
    times = []
    for _ in range(200):
        begun = time.perf_counter()
        with pytest.raises(ValueError, match="cyclic"):
            first.parent = last
        times.append(time.perf_counter() - begun)
    assert min(times) < 1e-4
