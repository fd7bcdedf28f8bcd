"""A suspended greenlet that loses its last reference is killed."""

from __future__ import annotations

import gc
import sys

import pytest

from switchlib import GreenletExit, getcurrent, greenlet
from tests.conftest import PYPY, let_die
from tests.greenlet.shared import Mine


def test_losing_the_last_reference_kills():
    seen = []

    def run():
        try:
            getcurrent().parent.switch()
        except GreenletExit as exit:
            seen.append(str(exit))
            raise
        finally:
            seen.append("finally")

    each = greenlet(run)
    each.switch()
    del each
    let_die()
    assert seen == ["Killing the greenlet because all references have vanished.", "finally"]


def test_what_a_killed_greenlet_raises_is_unraisable(monkeypatch):
    hooked = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: hooked.append(event.exc_type))

    def run():
        try:
            getcurrent().parent.switch()
        except GreenletExit:
            raise Mine from None

    each = greenlet(run)
    each.switch()
    del each
    let_die()
    assert hooked == [Mine]


def test_a_killed_greenlet_may_live_on():
    kept = []

    def run():
        try:
            getcurrent().parent.switch()
        except GreenletExit:
            kept.append(getcurrent())
            return getcurrent().parent.switch("alive"), "returned"

    each = greenlet(run)
    each.switch()
    parent = each.parent
    del each
    let_die()
    (each,) = kept
    assert each
    assert each.parent is parent
    assert each.switch("x") == ("x", "returned")
    kept.clear()


def test_a_greenlet_may_lose_its_last_reference_as_it_switches():
    seen = []

    def run():
        try:
            main.switch("value")
        finally:
            seen.append("finally")

    main = getcurrent()
    assert greenlet(run).switch() == "value"
    let_die()
    assert seen == ["finally"]


def test_the_exception_in_flight_survives_a_kill():
    def run():
        try:
            getcurrent().parent.switch()
        except GreenletExit:
            try:
                raise Mine
            except Mine:
                pass

    def hold():
        each = greenlet(run)
        each.switch()
        raise LookupError("in flight")

    with pytest.raises(LookupError, match="in flight"):
        hold()


def test_a_cycle_through_attributes_is_collected():
    seen = []

    def run():
        try:
            getcurrent().parent.switch()
        finally:
            seen.append("finally")

    each = greenlet(run)
    each.me = each
    each.switch()
    del each
    gc.collect()
    # The collector must not be left for another stack, so it dies when greenlets are next used.
    getcurrent()
    assert seen == ["finally"]


def test_subclass_with_del():
    seen = []

    class Deleted(greenlet):
        def __del__(self):
            seen.append("del")

    def run():
        try:
            getcurrent().parent.switch()
        finally:
            seen.append("finally")

    each = Deleted(run)
    each.switch()
    del each
    let_die()
    assert sorted(seen) == ["del", "finally"]


def test_a_long_chain_of_parents_is_freed():
    chain = [greenlet() for _ in range(100_000)]
    for child, parent in zip(chain, chain[1:]):
        child.parent = parent
    del child, parent
    first = chain[0]
    chain.clear()
    del first


def test_a_chain_of_suspended_greenlets_dies_from_its_head():
    seen = []
    main = getcurrent()

    def run(number, held):
        try:
            main.switch()
        finally:
            seen.append(number)

    head = None
    length = 20 if PYPY else 1000
    for number in range(length):
        below, head = head, greenlet(run)
        head.switch(number, below)
    below = None
    del head
    for _ in range(length):
        let_die()  # PyPy finds each when the one that held it is dead
    assert sorted(seen) == list(range(length))
    assert seen[0] == length - 1
