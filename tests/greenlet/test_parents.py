"""Parents: where a greenlet's result goes, and how parents are set."""

from __future__ import annotations

import pytest

from switchlib import error, getcurrent, greenlet
from tests.greenlet.shared import in_thread


def test_the_parent_resumes_at_the_end():
    outer = greenlet(lambda: ("outer", getcurrent().parent.switch("from outer")))
    assert outer.switch() == "from outer"
    inner = greenlet(lambda: "inner's result", outer)
    assert inner.parent is outer
    assert inner.switch() == ("outer", "inner's result")
    assert outer.dead


def test_ending_into_an_unstarted_parent_starts_it():
    parent = greenlet(lambda value: ("parent", value))
    assert greenlet(lambda: "child", parent).switch() == ("parent", "child")


def test_ending_into_an_unstarted_parent_without_run():
    parent = greenlet()
    with pytest.raises(AttributeError, match="run"):
        greenlet(lambda: "child", parent).switch()
    assert not parent.dead


def test_ending_past_dead_parents():
    chain = [greenlet(lambda: None)]
    for _ in range(5):
        chain.append(greenlet(lambda: None, chain[-1]))
    child = greenlet(lambda: "child", chain[-1])
    for each in chain:
        each.switch()
    assert child.switch() == "child"


def test_parent_errors_change_nothing():
    main = getcurrent()
    first, second = greenlet(), greenlet()
    second.parent = first
    for wrong in (first, second):
        with pytest.raises(ValueError, match="cyclic parent chain"):
            first.parent = wrong
    for wrong in (None, 5):
        with pytest.raises(TypeError, match="GreenletChecker: Expected any type of greenlet, not"):
            first.parent = wrong
    with pytest.raises(AttributeError, match="can't delete attribute"):
        del first.parent
    with pytest.raises(AttributeError, match="cannot set the parent of a main greenlet"):
        main.parent = first
    with pytest.raises(TypeError, match="GreenletChecker"):
        greenlet(None, 5)
    assert (first.parent, second.parent, main.parent) == (main, first, None)


def test_the_parent_of_a_started_greenlet_stays_in_its_thread():
    each = greenlet(lambda: getcurrent().parent.switch())
    each.switch()

    def other():
        foreign = greenlet()
        with pytest.raises(ValueError, match="parent cannot be on a different thread"):
            each.parent = foreign
        foreign.parent = each  # one that has not begun may go anywhere
        with pytest.raises(error, match="Cannot switch to a different thread"):
            foreign.switch()
        return True

    assert in_thread(other)
    assert each.parent is getcurrent()


def test_parents_may_change_while_running():
    main = getcurrent()
    other = greenlet(lambda: ("other", main.switch()))
    other.switch()

    def run():
        getcurrent().parent = other
        return "result"

    assert greenlet(run).switch() == ("other", "result")


def test_what_a_parent_fails_with_goes_to_its_own_parent():
    above = greenlet(lambda: None)
    parent = greenlet(parent=above)
    child = greenlet(lambda: 5, parent)
    with pytest.raises(AttributeError, match="run"):
        child.switch()
    assert above.dead  # the error was raised in it first, and ended it
    assert not parent.dead


def test_what_lives_above_a_dead_greenlet_may_be_of_another_thread():
    each = greenlet(lambda: getcurrent().parent.switch())
    each.switch()

    def other():
        dead, unstarted = greenlet(lambda: None), greenlet(lambda: None)
        dead.switch()
        dead.parent = unstarted
        unstarted.parent = each
        with pytest.raises(error, match="Cannot switch to a different thread"):
            dead.switch()
        return True

    assert in_thread(other)
