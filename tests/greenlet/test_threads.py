"""Greenlets of several threads."""

from __future__ import annotations

import gc
import threading

import pytest

from switchlib import error, getcurrent, greenlet
from tests.conftest import PYPY, let_die
from tests.greenlet.shared import Mine, in_thread


def test_each_thread_has_its_own_main_greenlet():
    main = getcurrent()

    def other():
        return getcurrent() is not main, getcurrent().parent, getcurrent() is getcurrent()

    assert in_thread(other) == (True, None, True)


def test_switching_to_another_thread_is_an_error():
    each = greenlet(lambda: getcurrent().parent.switch())
    unstarted = greenlet(lambda: 1)
    each.switch()

    def other():
        for target in (each, unstarted, each.parent):
            with pytest.raises(
                error,
                match=r"Cannot switch to a different thread\n\tCurrent:  <.*\n\tExpected: <.*",
            ):
                target.switch()
            with pytest.raises(error, match="Cannot switch to a different thread"):
                target.throw(Mine)
        return True

    assert in_thread(other)
    assert each.switch("still here") == "still here"
    assert unstarted.switch() == 1


@pytest.mark.leaks(
    "what lies on the evaluation stack of a frame that can never resume, here the main greenlet"
)
def test_a_thread_that_ended():
    def other():
        each = greenlet(lambda: main.switch())
        main = getcurrent()
        each.switch()
        return each, greenlet(lambda: None)

    each, unstarted = in_thread(other)
    gc.collect()
    assert each.dead
    assert not each
    assert PYPY or each.gr_frame.f_code.co_name == "<lambda>", (
        "where it stood can still be looked at"
    )
    assert repr(each).endswith("(thread exited) dead>")
    for target in (each, unstarted):
        with pytest.raises(
            error, match=r"cannot switch to a different thread \(which happens to have exited\)"
        ):
            target.switch()


def test_a_greenlet_dropped_in_another_thread_dies_in_its_own():
    seen = []
    box = []

    def run():
        try:
            main.switch()
        finally:
            seen.append(threading.get_ident())

    main = getcurrent()
    box.append(greenlet(run))
    box[0].switch()
    in_thread(box.clear)
    in_thread(let_die)
    assert seen in ([], [threading.get_ident()])
    getcurrent()
    assert seen == [threading.get_ident()]


@pytest.mark.cpython("nothing of a thread runs when it ends")
def test_greenlets_dropped_in_another_thread_die_when_theirs_ends():
    seen = []
    box = []
    dropped = threading.Event()
    ready = threading.Event()

    def run():
        try:
            getcurrent().parent.switch()
        finally:
            seen.append(threading.get_ident())

    def other():
        box.append(greenlet(run))
        box[0].switch()
        ready.set()
        dropped.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    ready.wait(10)
    identity = thread.ident
    box.clear()
    dropped.set()
    thread.join()
    assert seen == [identity]


def test_ten_threads_of_greenlets():
    def other():
        main = getcurrent()

        def run():
            while True:
                main.switch()

        each = [greenlet(run) for _ in range(20)]
        for _ in range(200):
            for one in each:
                one.switch()
        return len(each)

    results = []
    threads = [threading.Thread(target=lambda: results.append(other())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [20] * 10
