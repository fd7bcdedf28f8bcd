"""settrace, and what the type has of the module's functions."""

from __future__ import annotations

import pytest

import switchlib
from switchlib import getcurrent, greenlet
from tests.greenlet.shared import Mine


def test_the_tracer_sees_each_switch():
    events = []
    main = getcurrent()
    each = greenlet(lambda: main.switch())
    assert switchlib.settrace(lambda event, pair: events.append((event, *pair))) is None
    try:
        each.switch()
        with pytest.raises(Mine):
            each.throw(Mine)
        main.switch()
    finally:
        assert switchlib.settrace(None) is not None
    assert events == [
        ("switch", main, each),
        ("switch", each, main),
        ("throw", main, each),
        ("throw", each, main),
        ("switch", main, main),
    ]


def test_a_tracer_that_raises_is_removed():
    def tracer(event, pair):
        raise Mine

    switchlib.settrace(tracer)
    each = greenlet(lambda: 1)
    with pytest.raises(Mine):
        each.switch()
    assert switchlib.gettrace() is None
    assert each.dead


def test_the_type_has_what_the_module_has():
    for name in ("GreenletExit", "error", "getcurrent", "gettrace", "settrace"):
        assert getattr(greenlet, name) is getattr(switchlib, name)
