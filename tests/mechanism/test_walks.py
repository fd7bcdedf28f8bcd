"""Every walk over parents ends, even if the links went round, which no setter lets them do."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

import pytest

from switchlib import _mechanism, error, getcurrent, greenlet

PYPY = sys.implementation.name == "pypy"


@contextlib.contextmanager
def linked(child: greenlet, parent: greenlet) -> Iterator[None]:
    """Makes one the parent of the other as no setter would, without a reference, and undoes it."""
    if PYPY:
        from switchlib import _pypy

        state = _pypy._state_of(child)
        before, state.parent = state.parent, parent
        yield
        state.parent = before
        return
    size = ctypes.sizeof(ctypes.c_void_p)
    words = (ctypes.c_void_p * 64).from_address(
        ctypes.c_void_p.from_address(id(child) + 4 * size).value
    )
    place = list(words).index(id(child.parent))
    before, words[place] = words[place], id(parent)
    yield
    words[place] = before


@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_links_that_go_round(length):
    """Of unstarted ones, and of dead ones."""
    ring = [greenlet(lambda *args: None) for _ in range(length)]
    for below, above in zip(ring, ring[1:], strict=False):
        below.parent = above
    below = greenlet(lambda: None, ring[0])
    stranger = greenlet()
    with linked(ring[-1], ring[0]):
        with pytest.raises(error):
            below.switch()
        with pytest.raises(error):
            below.throw()
        with pytest.raises(ValueError, match="parent"):
            stranger.parent = below
        assert _mechanism.state_of(below) == "unstarted"
    assert below.switch() is None
    for each in reversed(ring):
        each.switch()
    assert all(each.dead for each in ring)
    with linked(ring[-1], ring[0]), pytest.raises(error):
        ring[0].switch()


def test_an_end_below_links_that_go_round():
    """Only the main greenlet is left."""
    middle = greenlet(lambda: None)
    middle.switch()
    each = greenlet(lambda: "result", middle)
    main = getcurrent()

    def run():
        with linked(middle, middle):
            return main.switch("linked")

    linker = greenlet(run)
    assert linker.switch() == "linked"
    outcome = None
    with contextlib.suppress(error):
        outcome = each.switch()
    assert each.dead
    assert outcome in (None, "result")
    linker.switch()
