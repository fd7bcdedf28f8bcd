"""Forks while threads have greenlets; threads that end with suspended ones;
ancestors in another thread.
"""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest

from switchlib import error, getcurrent, greenlet
from tests.faults.actions import Thrown, chain_of

pytest.importorskip("switchlib._switch", reason="it tests the mechanism in C")


FORK = """
import os, sys, threading
from switchlib import getcurrent, greenlet
main = getcurrent()

def body(number):
    received = main.switch(number)
    try:
        return received
    finally:
        pass

def fork_in_a_greenlet():
    child = os.fork()
    main.switch(child)
    return "end"

def elsewhere():
    top = getcurrent()
    each = greenlet(lambda: top.switch())
    each.switch()
    ready.set()
    forked.wait(10)
    each.switch()

ready, forked = threading.Event(), threading.Event()
thread = threading.Thread(target=elsewhere)
thread.start()
ready.wait(10)
many = [greenlet(body) for _ in range(50)]
assert [each.switch(number) for number, each in enumerate(many)] == list(range(50))
forker = greenlet(fork_in_a_greenlet)
child = forker.switch()
for number, each in enumerate(many[:40]):
    assert each.switch(number * 2) == number * 2
del many[:45]
assert forker.switch() == "end"
if child == 0:
    assert greenlet(lambda: 5).switch() == 5
    sys.exit(7)
forked.set()
thread.join()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
print("both went on")
"""


def test_fork_in_a_greenlet_while_a_thread_has_greenlets(shortcuts, python):
    done = python(
        "-X",
        "dev",
        "-W",
        "ignore::DeprecationWarning",
        "-c",
        FORK,
        SWITCHLIB_SHORTCUTS=str(int(shortcuts)),
    )
    assert done.stdout.split("\n")[0] == "both went on"
    assert "Error" not in done.stderr


@pytest.mark.leaks("what lies on the evaluation stacks of frames that can never resume")
def test_threads_that_die_with_suspended_greenlets():
    ended = []

    def work():
        main = getcurrent()

        def run():
            try:
                main.switch()
            finally:
                ended.append("must not run")

        many = [greenlet(run) for _ in range(10)]
        for each in many:
            each.switch()
        kept.append(many)

    for _ in range(20):
        kept: list[Any] = []
        threads = [threading.Thread(target=work) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(each.dead for many in kept for each in many)
        kept.clear()
        gc.collect()
    assert ended == []


def test_an_end_whose_parents_have_moved_to_another_thread_goes_to_main():
    """greenlet calls it a fatal error that no parent is left."""
    middle = greenlet()

    def run():
        other = []

        def move():
            other.append(getcurrent())
            middle.parent = getcurrent()

        thread = threading.Thread(target=move)
        thread.start()
        thread.join()
        raise Thrown

    each = greenlet(run, middle)
    with pytest.raises(error) as caught:
        each.switch()
    assert each.dead
    assert Thrown in chain_of(caught.value), "and what it ended by is not lost"
