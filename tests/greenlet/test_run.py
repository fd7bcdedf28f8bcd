"""Whatever `run` is, it is called as by hand."""

from __future__ import annotations

import functools
import gc
import types

import pytest

import switchlib
from switchlib import getcurrent, greenlet
from tests.conftest import let_die


class Called:
    """Whatever way it is called, it returns what it was called with."""

    def __call__(self, *args, **kwargs):
        return self, args, kwargs

    def method(self, first, second=2, *others, **kwargs):
        return self, first, second, others, kwargs

    def fixed(self, first, second):
        return self, first, second

    @classmethod
    def of_class(cls, *args):
        return cls, args

    @staticmethod
    def of_no_class(*args):
        return args


CALLED = Called()


@pytest.mark.parametrize(
    "run",
    [
        CALLED,
        CALLED.method,
        CALLED.fixed,
        Called.of_class,
        CALLED.of_no_class,
        Called.method,
        Called.__call__,
        types.MethodType(CALLED, 0),
        types.MethodType(CALLED.fixed, 1),
        types.MethodType(max, 3),
        functools.partial(CALLED.method, 0),
        functools.partial(CALLED),
        functools.partial(functools.partial(max, 1), 2),
        max,
        Called,
        dict,
        [].append,
    ],
    ids=repr,
)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize(
    "keywords", [{}, {"second": "k"}, {"other": "k"}], ids=["", "second", "other"]
)
def test_whatever_run_is_it_is_called_as_by_hand(run, count, keywords):
    def outcome(call):
        try:
            return call(*range(count), **keywords)
        except TypeError as raised:
            return str(raised)

    expected, got = outcome(run), outcome(greenlet(run).switch)
    assert type(got) is type(expected)
    assert got == expected or type(got) is Called

    class Looked(greenlet):
        looked = 0

        @property
        def run(self):
            type(self).looked += 1
            return run

    got = outcome(Looked().switch)
    assert got == expected or type(got) is Called
    assert Looked.looked == 1


def test_run_is_looked_up_once_though_tracing_begins_meanwhile():
    class Looked(greenlet):
        looked = 0

        @property
        def run(self):
            type(self).looked += 1
            switchlib.settrace(lambda *event: None)
            return lambda *args, **kwargs: (args, kwargs)

    try:
        assert Looked().switch(1) == ((1,), {})
        assert Looked().switch(1, a=2) == ((1,), {"a": 2})
    finally:
        switchlib.settrace(None)
    assert Looked.looked == 2


def test_a_run_that_is_looked_up_takes_the_place_of_the_one_that_was_given():
    """It is released when the greenlet has begun, by which time it may start and end others."""

    class Stale:
        def __del__(self):
            greenlet(events.append).switch("released")

    class Subclass(greenlet):
        def __getattribute__(self, name):
            return looked_up if name == "run" else super().__getattribute__(name)

    class Worker:
        def __init__(self, value):
            self.value = value

        def __call__(self, *args):
            events.append(args)
            return self.value

    events = []
    runs = [Worker(1), Worker(2).__call__, lambda *args: events.append(args) or 3]
    while runs:
        looked_up = runs.pop()
        given = functools.partial(id, Stale())
        each = Subclass(given)
        del given
        assert each.switch("a", "b") in (1, 2, 3)
        let_die()
        assert sorted(events, key=str) == [("a", "b"), "released"]
        events.clear()


def test_a_method_is_called_though_its_class_changes_meanwhile():
    main = getcurrent()

    class Worker:
        def __call__(self):
            return main.switch("first"), "first"

    each = greenlet(Worker())
    assert each.switch() == "first"
    Worker.__call__ = lambda self: "second"
    gc.collect()
    assert each.switch("back") == ("back", "first")
    assert greenlet(Worker()).switch() == "second"
    del Worker.__call__
    with pytest.raises(TypeError, match="not callable"):
        greenlet(Worker()).switch()
