"""Exceptions: throw, what a greenlet ends with, and GreenletExit."""

from __future__ import annotations

import pytest

from switchlib import GreenletExit, getcurrent, greenlet
from tests.greenlet.shared import Mine


def waiting(seen):
    """A suspended greenlet that appends to `seen` what is raised in it, and returns it."""

    def run():
        try:
            getcurrent().parent.switch()
        except BaseException as exception:
            seen.append(exception)
            return exception

    each = greenlet(run)
    each.switch()
    return each


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (lambda: (), GreenletExit()),
        (lambda: (Mine,), Mine()),
        (lambda: (Mine, "a"), Mine("a")),
        (lambda: (Mine, ("a", "b")), Mine("a", "b")),
        (lambda: (Mine, Mine("c")), Mine("c")),
        (lambda: (Mine("d"),), Mine("d")),
        (lambda: (Mine("e"), None), Mine("e")),
        (lambda: (KeyboardInterrupt,), KeyboardInterrupt()),
    ],
)
def test_throw_into_a_suspended_greenlet(args, expected):
    seen = []
    result = waiting(seen).throw(
        *args()
    )  # made anew: from 3.14 on an instance that is kept keeps all its tracebacks
    assert seen == [result]
    assert (type(result), result.args) == (type(expected), expected.args)


def test_throw_keeps_the_traceback_it_is_given():
    try:
        raise Mine
    except Mine as exception:
        traceback = exception.__traceback__
    result = waiting([]).throw(Mine, None, traceback)
    assert type(result) is Mine
    assert result.__traceback__.tb_frame.f_code.co_name == "run", "where it was raised"
    assert result.__traceback__.tb_next is traceback
    assert traceback.tb_next is None
    given = Mine()
    assert waiting([]).throw(given, None, traceback) is given
    assert given.__traceback__.tb_next is traceback


def test_throw_into_an_unstarted_greenlet():
    def run():
        raise AssertionError("must not run")

    each = greenlet(run)
    with pytest.raises(Mine):
        each.throw(Mine)
    assert each.dead
    killed = greenlet(run)
    assert isinstance(killed.throw(), GreenletExit)
    assert killed.dead
    with pytest.raises(AttributeError, match="run"):
        greenlet().throw(Mine)


def test_throw_into_a_dead_greenlet():
    each = greenlet(lambda: None)
    each.switch()
    with pytest.raises(Mine):
        each.throw(Mine)
    assert isinstance(each.throw(), GreenletExit)
    exit = GreenletExit("value")
    assert each.throw(exit) is exit


def test_throw_into_oneself():
    with pytest.raises(Mine):
        getcurrent().throw(Mine)
    with pytest.raises(GreenletExit):
        getcurrent().throw()


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((5,), "exceptions must be classes, or instances, not int"),
        (("Mine",), "exceptions must be classes, or instances, not str"),
        ((object,), "exceptions must be classes, or instances, not type"),
        ((Mine(), 5), "instance exception may not have a separate value"),
        ((Mine, None, "tb"), r"throw\(\) third argument must be a traceback object"),
        ((Mine, None, None, None), "at most 3 arguments|takes from 1 to 4 positional arguments"),
    ],
)
def test_throw_with_wrong_types_changes_nothing(args, text):
    seen = []
    each = waiting(seen)
    with pytest.raises(TypeError, match=text):
        each.throw(*args)
    assert each
    assert not seen


def test_a_class_that_cannot_be_called_throws_that():
    class Picky(Exception):
        def __init__(self):
            raise LookupError

    seen = []
    waiting(seen).throw(Picky)
    assert [type(exception) for exception in seen] == [LookupError]


def test_exceptions_propagate_to_the_parent():
    def run():
        raise Mine("from below")

    outer_saw = []

    def outer():
        try:
            greenlet(run).switch()
        except Mine as exception:
            outer_saw.append(exception)
            raise

    with pytest.raises(Mine, match="from below") as caught:
        greenlet(outer).switch()
    assert outer_saw == [caught.value]
    names = [entry.name for entry in caught.traceback]
    assert names[-2:] == ["outer", "run"]
    assert {str(entry.path) for entry in caught.traceback} == {__file__}


def test_greenlet_exit_is_a_result():
    def run():
        raise GreenletExit("bye")

    result = greenlet(run).switch()
    assert isinstance(result, GreenletExit)
    assert result.args == ("bye",)
