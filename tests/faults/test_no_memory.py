"""No memory: for the interpreter, at each of its allocations; for a slice of a stack."""

from __future__ import annotations

import signal
import sys

import pytest

from switchlib import GreenletExit, getcurrent, greenlet
from tests.faults.actions import ACTIONS, NO_MEMORY, every_action, memory_comes_back, testcapi

lib = pytest.importorskip("switchlib._switch", reason="it tests the mechanism in C").lib


SPARED = {
    "switch_with_one",
    "switch_with_keywords",
    "switch_with_many",
    "switch_to_the_dead",
    "switch_to_oneself",
}
# Python frames alone take memory here. On 3.10 a function keeps its last one; later they may lie in
# a larger block of csrc/memory/blocks.c, whose memory is not the interpreter's to refuse.
SPARED |= {"end_with_a_result", "start_plainly"}
if sys.version_info[:2] not in [(3, 13), (3, 14)]:
    SPARED.add("switch_to_what_stood_when_tracing_began")  # no frame object is made


@every_action
@pytest.mark.parametrize("lasting", [True, False], ids=["no more memory", "one allocation fails"])
def test_no_memory_anywhere(name, lasting, unraisable):
    """MemoryError or what was to come of it, and no harm to what can be done again."""
    action = ACTIONS[name]
    refused = spared = number = 0
    while spared < 20:
        act, expected = action.make()
        testcapi.set_nomemory(number, 0 if lasting else number + 1)
        try:
            outcome = act()
        except BaseException as exception:
            outcome = exception.with_traceback(None)
        finally:
            memory_comes_back()
        number += 1
        if outcome == expected:
            spared += 1
            continue
        refused, spared = refused + 1, 0
        if name == "kill":
            assert outcome == [] or isinstance(outcome, MemoryError), "its last code had no memory"
        elif isinstance(outcome, MemoryError):
            assert not action.again or act() == expected, number
        else:
            assert outcome == (str if name == "throw_a_class" else NO_MEMORY), number
    # What comes from free lists is never refused.
    assert refused or name in SPARED
    assert set(unraisable) <= {MemoryError, GreenletExit}


class Stuck(Exception):
    pass


def test_the_reserve_covers_the_switch_at_an_end():
    main = getcurrent()
    box = []

    def body():
        lib.stack_fail_allocation = 1
        return "result"

    def starter():
        assert greenlet(body, main).switch() == "started again"
        return "starter's"

    for _ in range(3):
        each = greenlet(starter)
        box.append(each)
        used = lib.stack_counts.reserves_used
        assert each.switch() == "result"
        assert lib.stack_fail_allocation == 0, "it was used up"
        assert lib.stack_counts.reserves_used == used + 1, (
            "and the reserve, which was there again, with it"
        )
        assert each.switch("started again") == "starter's"


@pytest.mark.parametrize("raising", [False, True], ids=["result", "exception"])
def test_memory_error_climbs_the_parents(raising):
    """The parent cannot be reached, since the grandparent lies in its way; the grandparent can."""
    main = getcurrent()
    parent = greenlet(lambda: main.switch("parent waits"))
    assert parent.switch() == "parent waits"

    def body():
        lib.stack_fail_allocation = -1
        if raising:
            raise Stuck
        return "result"

    def climb():
        each = greenlet(body, parent)
        try:
            each.switch()
        except MemoryError as exception:
            lib.stack_fail_allocation = 0
            return each.dead, type(exception.__context__)
        finally:
            lib.stack_fail_allocation = 0

    grandparent = greenlet(climb)
    parent.parent = grandparent
    assert grandparent.switch() == (True, Stuck if raising else type(None))
    parent.parent = main
    assert parent.switch("parent goes on") == "parent goes on"


FATAL = """
from switchlib import getcurrent, greenlet
from switchlib._switch import lib
main = getcurrent()

def body():
    lib.stack_fail_allocation = -1
    1 / 0

greenlet(lambda: greenlet(body, main).switch()).switch()
"""


def test_the_one_fatal_error(shortcuts, python):
    """There is no memory to leave an ended greenlet for another. What it ended by is reported."""
    done = python(
        "-X", "faulthandler", "-c", FATAL, check=False, SWITCHLIB_SHORTCUTS=str(int(shortcuts))
    )
    assert done.returncode == -signal.SIGABRT
    assert "Fatal Python error: " in done.stderr
    assert "switchlib: no memory to leave a greenlet that has ended" in done.stderr
    assert "MemoryError" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
