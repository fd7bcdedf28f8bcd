"""Recursion up to the limit, in greenlets and in policy."""

from __future__ import annotations

import contextlib

import pytest

from switchlib import getcurrent, greenlet
from tests.faults.actions import suspended


def test_a_recursion_error_in_a_greenlet_ends_it_alone():
    main = getcurrent()

    def recurse():
        return recurse()

    def careful():
        while True:
            try:
                recurse()
            except RecursionError as exception:
                main.switch(type(exception))

    waiting = suspended()
    each = greenlet(careful)
    for _ in range(3):
        assert each.switch() is RecursionError
        assert waiting.switch("x") == "x"
        with pytest.raises(RecursionError):
            greenlet(recurse).switch()


def test_a_switch_at_every_depth_up_to_the_limit():
    """Policy, too, may be refused a call: then nothing has changed."""
    each = suspended()
    outcomes = []

    def descend():
        with contextlib.suppress(RecursionError):
            descend()
        try:
            outcomes.append(each.switch("deep"))
        except RecursionError:
            outcomes.append(RecursionError)

    descend()
    assert outcomes[-1] == "deep"
    assert set(outcomes) <= {"deep", RecursionError}
    refused = outcomes.count(RecursionError)
    assert refused < 20
    assert each.switch("still there") == "still there"
