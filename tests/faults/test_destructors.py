"""What is raised, or swallowed, in destructors, context managers and
tracers while a greenlet is killed.
"""

from __future__ import annotations

import contextlib
import weakref

import pytest

import switchlib
from switchlib import GreenletExit, getcurrent, greenlet

pytest.importorskip("switchlib._switch", reason="it tests the mechanism in C")


def test_what_is_raised_while_a_greenlet_is_killed(unraisable):
    """By finalisers of what it holds, by context managers that it is in, by a tracer."""
    main = getcurrent()
    seen = []

    class Finalised:
        def __del__(self):
            seen.append("del")
            raise LookupError

    class Manager:
        def __enter__(self):
            return self

        def __exit__(self, kind, *rest):
            seen.append(kind)
            raise ValueError

    def run(held):
        with Manager():
            main.switch()

    each = greenlet(run)
    each.switch(Finalised())
    del each
    assert seen == [GreenletExit, "del"]
    assert sorted(found.__name__ for found in unraisable) == ["LookupError", "ValueError"]

    def tracer(event, pair):
        raise ArithmeticError

    unraisable.clear()
    each = greenlet(lambda: main.switch())
    each.switch()
    switchlib.settrace(tracer)
    del each
    assert switchlib.gettrace() is None
    assert unraisable == [ArithmeticError]


@pytest.mark.leaks("a greenlet that stays alive without a reference")
def test_a_context_manager_that_swallows_the_kill(capsys):
    main = getcurrent()
    seen = []

    def run():
        with contextlib.suppress(GreenletExit):
            main.switch()
        seen.append("went on")
        main.switch("from the dead")

    each = greenlet(run)
    each.switch()
    box = [each]
    del each
    reference = weakref.ref(box[0])
    box.clear()
    assert seen == ["went on"]
    assert reference() is not None, "it cannot be run, and it cannot be freed"
    assert capsys.readouterr().err.startswith(
        "GreenletExit did not kill <greenlet.greenlet object at "
    )
    reference().throw()
