"""csrc/mechanism/kill.c: greenlets that lose their last reference, in chains, together with
survivors, and without memory.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from switchlib import GreenletExit, _mechanism, getcurrent, greenlet

lib = pytest.importorskip("switchlib._switch", reason="it tests the mechanism in C").lib

MANY = 100_000
MOST_NESTED = 16  # in kill.c


class Chain:
    """Suspended greenlets, each of which holds the next, and what their ends tell."""

    def __init__(self, link: str) -> None:
        self.main = getcurrent()
        self.ended: list[int] = []
        # Interned: the interpreter's cache of attributes would keep one new string of each run,
        # which tests.commands.references would report.
        self.body: Callable[[int, Any], None] = getattr(self, sys.intern(f"_by_{link}"))

    def _by_argument(self, number: int, held: Any) -> None:
        try:
            self.main.switch()
        finally:
            self.ended.append(number)

    def _by_dict(self, number: int, held: Any) -> None:
        held = {"key": [held]}
        self._by_argument(number, None)

    def _by_closure(self, number: int, held: Any) -> None:
        def closure() -> Any:
            return held

        self._by_argument(number, None)

    def _by_generator(self, number: int, held: Any) -> None:
        def generate(held: Any) -> Iterator[Any]:
            yield
            yield held

        generator = generate(held)
        next(generator)
        del held
        self._by_argument(number, None)

    def _by_attribute(self, number: int, held: Any) -> None:
        getcurrent().held = held
        del held
        self._by_argument(number, None)

    def _by_parent(self, number: int, held: Any) -> None:
        if held is not None:
            getcurrent().parent = held
            del held
        self._by_argument(number, None)

    def _by_dropping_at_once(self, number: int, held: Any) -> None:
        try:
            self.main.switch()
        finally:
            self.ended.append(number)
            del held

    def make(self, length: int) -> greenlet:
        head: greenlet | None = None
        for number in reversed(range(length)):
            below, head = head, greenlet(self.body)
            head.switch(number, below)
        assert head is not None
        return head


LINKS = ["argument", "dict", "closure", "generator", "attribute", "parent", "dropping_at_once"]


@pytest.mark.parametrize("link", LINKS)
def test_a_chain_dies_from_its_head(link):
    chain = Chain(link)
    # To set a parent walks the chain above it.
    length = 2000 if link == "parent" else 10_000
    head = chain.make(length)
    assert chain.ended == []
    del head
    assert chain.ended == list(range(length))
    assert _mechanism.count_doomed() == 0


def test_a_chain_of_a_hundred_thousand_dies_from_its_head():
    chain = Chain("argument")
    head = chain.make(MANY)
    buffers = lib.stack_counts.buffers
    del head
    assert chain.ended == list(range(MANY))
    assert _mechanism.count_doomed() == 0
    assert lib.stack_counts.buffers <= buffers - MANY + 2


# From 3.12 on destructors within destructors, of which there are up to fifty,
# take more of the C stack.
LITTLE = (64 << 10, 256 << 10) if sys.version_info < (3, 12) else (1 << 20, 1 << 20)
LITTLE_STACK = """
import os, resource, sys, threading
from switchlib import getcurrent, greenlet
from tests.mechanism.test_kill import LINKS, LITTLE, Chain

def check():
    for link in LINKS:
        length = 500 if link == "parent" else 20_000
        chain = Chain(link)
        chain.make(length)
        assert chain.ended == list(range(length)), link
    done.append(True)

if sys.argv[1] == "thread":
    done = []
    threading.stack_size(max(LITTLE[0], os.sysconf("SC_THREAD_STACK_MIN")))
    thread = threading.Thread(target=check)
    thread.start()
    thread.join()
elif sys.argv[1] == "limit":
    resource.setrlimit(resource.RLIMIT_STACK, (LITTLE[1], LITTLE[1]))
    os.execv(sys.executable, [sys.executable, "-c", os.environ["PROGRAM"], "limited"])
elif resource.getrlimit(resource.RLIMIT_STACK)[0] != LITTLE[1]:
    done = ["emulated"]
else:
    done = []
    check()
print(done)
"""


@pytest.mark.parametrize("how", ["thread", "limit"])
def test_chains_die_in_little_stack(shortcuts, python, how):
    done = python(
        "-c", LITTLE_STACK, how, SWITCHLIB_SHORTCUTS=str(int(shortcuts)), PROGRAM=LITTLE_STACK
    )
    if "emulated" in done.stdout:
        pytest.skip("an emulator has a stack of its own, and sets the limit that the program sees")
    assert done.stdout.split() == ["[True]"]


@pytest.mark.parametrize("back", ["parent", "main", "elsewhere", "raising"])
@pytest.mark.parametrize("who", [1, 5, MOST_NESTED, MOST_NESTED + 1, MOST_NESTED + 20])
def test_a_survivor_stops_no_other(back, who, monkeypatch):
    """It lets go of the next one and lives on; those above it, in the midst of killing it,
    come to their end.
    """
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: unraisable.append(event.exc_type))
    main = getcurrent()
    elsewhere = greenlet(lambda: main.switch())
    ended, survivors = [], []

    def run(number, held):  # in a list: the arguments may be kept until run ends
        try:
            main.switch()
        except GreenletExit:
            if number != who:
                raise
            survivors.append(getcurrent())
            held.clear()
            if back == "parent":
                getcurrent().parent.switch()
            elif back == "main":
                main.switch()
            elif back == "elsewhere":
                elsewhere.switch()
            else:
                getcurrent().parent.throw(LookupError)
        finally:
            ended.append(number)

    head = None
    for number in reversed(range(2 * MOST_NESTED + 40)):
        below, head = head, greenlet(run)
        head.switch(number, [below])
    below = None
    del head
    assert ended == [number for number in range(2 * MOST_NESTED + 40) if number != who]
    assert unraisable == ([LookupError] if back == "raising" else [])
    assert _mechanism.count_doomed() == 0
    # The survivor has its parent back and dies when it is lost again.
    (survivor,) = survivors
    assert survivor
    assert survivor.parent is main
    survivors.clear()
    del survivor
    assert ended[-1] == who
    elsewhere.throw()


def test_killers_that_wait_below_each_other_resume_one_by_one():
    """Each is killed by the one before and, its victim living on,
    must not be left where it killed it.
    """
    main = getcurrent()
    done, survivors = [], []

    def run(number, held):
        try:
            main.switch()
        except GreenletExit:
            if number == 9:
                survivors.append(getcurrent())
                main.switch()
        finally:
            held.clear()
            done.append(number)

    head = None
    for number in reversed(range(10)):
        below, head = head, greenlet(run)
        head.switch(number, [below])
    below = None
    del head
    assert done == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    survivors.pop().switch()
    assert done[-1] == 9


def test_one_that_is_lost_while_it_kills_another_dies_after_that():
    """GreenletExit cannot be raised in the midst of a `del`: it comes at the next switch."""
    main = getcurrent()
    seen, survivors = [], []

    def lives_on():
        try:
            main.switch()
        except GreenletExit:
            survivors.append(getcurrent())
            main.switch()

    def run(held):
        main.switch()
        held.clear()
        seen.append("went on")
        try:
            main.switch()
        except GreenletExit:
            seen.append("killed")

    each = greenlet(run)
    victim = greenlet(lives_on)
    victim.switch()
    each.switch([victim])
    del victim
    each.switch()
    survivors[0].parent = main  # it was `each`, its killer
    del each
    assert seen == ["went on", "killed"]
    survivors.pop().switch()


def test_a_tree_dies_wholly():
    main = getcurrent()
    ended = []

    def run(path, held):
        try:
            main.switch()
        finally:
            ended.append(path)

    def tree(path, levels):
        each = greenlet(run)
        each.switch(
            path, [tree((*path, side), levels - 1) for side in range(2)] if levels else None
        )
        return each

    tree((), 9)
    assert ended[0] == ()
    assert len(set(ended)) == len(ended) == 2**10 - 1
    for path in ended:
        assert ended.index(path[:-1]) <= ended.index(path), "no one before the one that held it"


def test_one_that_must_wait_may_be_got_hold_of():
    """Only what nobody refers to any more is killed when its turn comes."""
    main = getcurrent()
    ended, found = [], []

    def run(number):
        held = main.switch()  # the arguments of a run may be kept until it ends
        try:
            main.switch()
        finally:
            ended.append(number)
            if number == MOST_NESTED - 1:
                del held
                assert _mechanism.count_doomed() == 1
                found.extend(
                    each
                    for each in gc.get_objects()
                    if isinstance(each, greenlet) and hasattr(each, "last")
                )

    head = None
    for number in reversed(range(MOST_NESTED + 1)):
        below, head = head, greenlet(run)
        head.switch(number)
        head.switch(below)
        if below is None:
            head.last = True
    below = None
    del head
    assert ended == list(range(MOST_NESTED))
    (last,) = found
    assert last
    found.clear()
    del last
    assert ended == list(range(MOST_NESTED + 1))


def test_no_memory_to_kill_means_to_wait():
    ended = []

    def run():
        try:
            getcurrent().parent.switch()
        finally:
            ended.append("run")

    each = greenlet(run)

    def kill():
        """From another greenlet, for the stack of the victim is in its way."""
        nonlocal each
        lib.stack_fail_allocation = -1
        each = None
        lib.stack_fail_allocation = 0
        return _mechanism.count_doomed()

    killer = greenlet(kill)
    each.switch()
    assert killer.switch() == 1
    assert ended == []
    getcurrent()
    assert ended == ["run"]
    assert _mechanism.count_doomed() == 0


def test_no_memory_to_go_back_to_a_killer(monkeypatch):
    """A chain whose last lives on; the way back into those above it is refused at first."""
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: unraisable.append(event.exc_type))
    main = getcurrent()
    ended, survivors = [], []

    def run(number, held):
        try:
            main.switch()
        except GreenletExit:
            if number < 3:
                raise
            survivors.append(getcurrent())
            sorted([0], key=lambda _: main.switch())
        finally:
            ended.append(number)

    for failing in range(1, 12):
        head = None
        for number in reversed(range(4)):
            below, head = head, greenlet(run)
            head.switch(number, below)
        below = None
        lib.stack_fail_allocation = failing
        head = None
        lib.stack_fail_allocation = 0
        getcurrent()  # which kills what had to wait
        while survivors:
            survivors.pop().switch()
        assert sorted(ended) == [0, 1, 2, 3], failing
        assert _mechanism.count_doomed() == 0
        ended.clear()
    assert set(unraisable) <= {GreenletExit, MemoryError}


def test_slots_are_there_while_a_greenlet_dies_late():
    """One that is dropped in another thread waits; its last code finds it whole."""
    seen = []

    class Slotted(greenlet):
        __slots__ = ("slot",)

    def run():
        try:
            main.switch()
        finally:
            seen.append(getcurrent().slot)

    main = getcurrent()
    box = [Slotted(run)]
    box[0].slot = "in its slot"
    box[0].switch()
    thread = threading.Thread(target=box.clear)
    thread.start()
    thread.join()
    getcurrent()
    assert seen == ["in its slot"]


@contextlib.contextmanager
def another_thread_collects() -> Iterator[None]:
    """It stands in the midst of a collection, in one of the callbacks that hear of it."""
    collecting, over = threading.Event(), threading.Event()

    def within_a_collection(phase, info):
        if phase == "start" and threading.current_thread() is thread:
            collecting.set()
            over.wait(60)

    thread = threading.Thread(target=gc.collect)
    gc.callbacks.append(within_a_collection)
    thread.start()
    try:
        assert collecting.wait(60)
        yield
    finally:
        over.set()
        thread.join()
        gc.callbacks.remove(within_a_collection)


def suspended_with(ended: list[str]) -> greenlet:
    main = getcurrent()

    def run():
        try:
            main.switch()
        finally:
            ended.append("ended")

    each = greenlet(run)
    each.switch()
    return each


def test_a_death_while_another_thread_collects():
    ended = []
    each = suspended_with(ended)
    with another_thread_collects():
        each = None
        assert ended == ["ended"]
    assert each is None


def test_a_death_while_another_thread_collects_and_others_hear_of_it_first():
    def first(phase, info):
        pass

    ended = []
    each = suspended_with(ended)
    gc.callbacks.insert(0, first)
    try:
        with another_thread_collects():
            each = None
            assert ended == ["ended"]
    finally:
        gc.callbacks.remove(first)
    assert each is None


def test_it_waits_if_no_callback_reports_collections():
    """Then the mechanism cannot tell whose collection it is,
    and one of its own must not be left.
    """
    ended = []
    each = suspended_with(ended)
    before = gc.callbacks[:]
    gc.callbacks.clear()
    try:
        with another_thread_collects():
            each = None
            assert ended == []
    finally:
        gc.callbacks[:] = before
    getcurrent()
    assert ended == ["ended"]
    assert each is None


def test_a_finaliser_waits_in_a_hub_for_what_a_dropped_greenlet_releases():
    """The collector called it; from the hub on nothing stands in the collector that runs."""
    events, ended = [], []
    dropped = [suspended_with(ended)]

    class Finalised:
        def __del__(self):
            here = getcurrent()
            for _ in range(3):
                if ended:
                    events.append("finalised")
                    return
                hub.switch(here)
            events.append("gave up")

    def run(waiter):
        while True:
            dropped.clear()
            waiter = waiter.switch()

    hub = greenlet(run)
    cycle = Finalised()
    cycle.me = cycle
    del cycle
    gc.collect()
    assert events == ["finalised"]
