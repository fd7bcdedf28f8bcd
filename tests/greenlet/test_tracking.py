"""track: where each greenlet was made, and since when it has been suspended."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator

import pytest

from switchlib import (
    _mechanism,
    _track,
    created_at,
    getcurrent,
    greenlet,
    suspended_since,
    track,
)
from tests.conftest import let_die
from tests.greenlet.shared import in_thread


@pytest.fixture
def tracked() -> Iterator[None]:
    track()
    yield
    track(False)
    assert _mechanism.watchers() == ()
    assert _track._records == {}


def suspended() -> greenlet:
    main = getcurrent()
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


@pytest.mark.usefixtures("tracked")
def test_where_it_was_made():
    class Unhashable(greenlet):
        __hash__ = None  # type: ignore[assignment]

    def maker(kind):
        return kind(lambda: 1)

    line = maker.__code__.co_firstlineno + 1
    for kind in (greenlet, Unhashable):
        stack = created_at(maker(kind))
        assert stack is not None
        assert (stack[-1].filename, stack[-1].lineno, stack[-1].name) == (__file__, line, "maker")
        assert stack[-2].name == "test_where_it_was_made"
        assert len(stack) == _track.FRAMES
        assert "return kind(lambda: 1)" in stack.format()[-1]


def test_how_many_frames():
    track(frames=1)
    try:
        stack = created_at(greenlet(lambda: 1))
    finally:
        track(False)
    assert stack is not None
    assert [each.name for each in stack] == ["test_how_many_frames"]
    with pytest.raises(ValueError, match="at least one frame must be recorded, not 0"):
        track(frames=0)


@pytest.mark.usefixtures("tracked")
def test_since_when():
    before = time.monotonic()
    each = suspended()
    after = time.monotonic()
    since = suspended_since(each)
    assert since is not None
    assert before <= since <= after
    assert suspended_since(getcurrent()) is None
    each.switch()
    assert suspended_since(each) is None


@pytest.mark.usefixtures("tracked")
def test_in_another_thread():
    def work():
        each = greenlet(lambda: 1)
        stack = created_at(each)
        assert stack is not None
        return stack[-1].name

    assert in_thread(work) == "work"


def test_one_from_before_is_known_once_it_is_left():
    each = suspended()
    main = getcurrent()
    other = greenlet(lambda: main.switch())
    track()
    try:
        assert created_at(each) is suspended_since(each) is None
        seen = []
        last = greenlet(lambda: seen.append(suspended_since(main)))
        last.switch()
        assert seen[0] is not None
        assert created_at(main) is None
        other.switch()
        assert suspended_since(each) is None
    finally:
        track(False)
    assert suspended_since(other) is None
    for suspended_one in (each, other):
        suspended_one.switch()


@pytest.mark.usefixtures("tracked")
def test_nothing_is_kept():
    for _ in range(100):
        greenlet(lambda: 1).switch()
        suspended().throw()
    let_die()
    assert len(_track._records) <= 1  # of the main greenlet


class Value:
    pass


@pytest.mark.usefixtures("tracked")
def test_no_frame_is_kept():
    def maker():
        value = Value()
        return greenlet(lambda: 1), weakref.ref(value)

    each, value = maker()
    let_die()
    assert created_at(each) is not None
    assert value() is None


def test_bad_arguments():
    for question in (created_at, suspended_since):
        with pytest.raises(TypeError, match="expected a greenlet, not int"):
            question(3)  # type: ignore[arg-type]


def test_off_there_is_no_watcher(shortcuts):
    track()
    track()
    track(False)
    track(False)
    assert _mechanism.watchers() == ()
    assert _mechanism.shortcuts(None) is shortcuts


@pytest.mark.once
@pytest.mark.parametrize(("value", "made"), [("1", "True"), ("0", "False"), ("", "False")])
def test_by_the_environment(python, value, made):
    code = "import switchlib as s; each = s.greenlet(print); print(s.created_at(each) is not None)"
    assert python("-c", code, SWITCHLIB_TRACK=value).stdout.strip() == made
