"""A collection whose finalisers switch, another thread, another switch, or the target's end:
each at every place of policy where the interpreter may let it come.
"""

from __future__ import annotations

import gc
import threading

import pytest

from switchlib import GreenletExit, getcurrent, greenlet
from tests.faults.actions import ACTIONS, Thrown, every_action, strike, suspended_ones


def collect() -> None:
    """With garbage whose finaliser leaves the collector for another greenlet, and comes back."""

    class Finalised:
        def __del__(self) -> None:
            here = getcurrent()
            greenlet(lambda: here.switch()).switch()

    cycle = Finalised()
    cycle.me = cycle
    del cycle
    gc.collect()


def run_another_thread() -> None:
    """It uses greenlets of its own and drops one of ours."""
    here = getcurrent()
    box = [greenlet(lambda: here.switch())]
    box[0].switch()

    def work() -> None:
        main = getcurrent()
        each = greenlet(lambda: main.switch(1))
        assert each.switch() == 1
        box.clear()
        each.switch()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def go_elsewhere() -> None:
    here = getcurrent()
    assert greenlet(lambda: here.switch("there")).switch() == "there"


HARMLESS = [collect, run_another_thread, go_elsewhere]


@every_action
@pytest.mark.parametrize("fault", HARMLESS)
def test_whatever_runs_between_two_bytecodes_of_policy(fault, name, unraisable):
    for outcome, expected, _ in strike(fault, ACTIONS[name]):
        assert outcome == expected
    assert unraisable == []


@every_action
def test_a_target_that_dies_while_policy_decides(name, unraisable):
    """What was sent to it goes to its parent, which is the greenlet that sent it."""

    def end_it() -> None:
        for each in suspended_ones:
            if each is not getcurrent():
                each.parent = getcurrent()
                each.throw()

    for outcome, expected, _ in strike(end_it, ACTIONS[name]):
        assert outcome == expected or isinstance(outcome, (Thrown, GreenletExit))
    assert unraisable == []
