"""switchlib/_pypy.py: what only PyPy's mechanism has to get right. CPython has none of it."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time

import pytest

from switchlib import GreenletExit, _mechanism, getcurrent, greenlet
from tests.conftest import PYPY
from tests.settings import switch_interval

if not PYPY:
    pytest.skip("it is the mechanism of PyPy", allow_module_level=True)

from switchlib import _pypy


class Ring:
    """main, a and b, each of which switches to the next;
    all frames on their stacks tell by `here` whose they are.
    """

    def __init__(self) -> None:
        self.main = getcurrent()
        self.told: list[tuple[str, str]] = []
        self.make()

    def make(self) -> None:
        self.b = greenlet(lambda *_: self.go_round("b", self.main))
        self.a = greenlet(lambda *_: self.go_round("a", self.b))
        self.names = {self.main: "main", self.a: "a", self.b: "b"}

    def go_round(self, here: str, following: greenlet) -> None:
        while True:
            following.switch(here)

    def tell(self) -> None:
        """Notes which greenlet is current, and whose frames are below."""
        frame = sys._getframe()
        while "here" not in frame.f_locals:
            frame = frame.f_back
        self.told.append((self.names[getcurrent()], frame.f_locals["here"]))


@pytest.fixture
def ring(strike):
    each = Ring()
    yield each
    strike(())
    for member in (each.a, each.b):
        member.throw()


@pytest.fixture
def strike(monkeypatch):
    """strike(where, function): it is called where a signal handler could be: just before a jump,
    or just after.
    """
    jump, busy = _pypy._jump, False
    armed = ((), None)

    def use(where, function=None):
        nonlocal armed
        armed = (where, function)

    def strike_at(place):
        nonlocal busy
        where, function = armed
        ends = _pypy._here.thread.held  # which holds signals
        if place in where and not busy and not ends:
            busy = True
            try:
                function()
            finally:
                busy = False

    def striking(*arguments):
        strike_at("before")
        payload = jump(*arguments)
        strike_at("after")
        return payload

    monkeypatch.setattr(_pypy, "_jump", striking)
    return use


WHERE = pytest.mark.parametrize(
    "where", [("before",), ("after",), ("before", "after")], ids="-".join
)


@WHERE
def test_a_signal_handler_within_a_switch_knows_the_current_greenlet(ring, strike, where):
    here = "main"
    strike(where, ring.tell)
    for _ in range(3):
        assert ring.a.switch() == "b"
    assert {current for current, _ in ring.told} == {here, "a", "b"}
    assert [(current, truth) for current, truth in ring.told if current != truth] == []


@WHERE
def test_a_signal_handler_within_a_switch_may_switch(ring, strike, where):
    here = "main"

    def go_back(to: greenlet) -> None:
        while True:
            to = to.switch("back")

    elsewhere = greenlet(go_back)

    def handler() -> None:
        ring.tell()
        assert elsewhere.switch(getcurrent()) == "back"
        ring.tell()

    strike(where, handler)
    for _ in range(3):
        assert ring.a.switch() == "b"
        ring.tell()
    assert {current for current, _ in ring.told} == {here, "a", "b"}
    assert [(current, truth) for current, truth in ring.told if current != truth] == []
    strike(())
    elsewhere.throw()


@WHERE
def test_a_signal_handler_within_a_switch_may_raise(ring, strike, where):
    here, left = "main", 0

    def handler() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    for strikes in range(1, 8):
        strike(where, handler)
        left = strikes
        with pytest.raises(KeyboardInterrupt):
            ring.go_round(here, ring.a)
        ring.tell()
        assert ring.told[-1] == (here, here)
        strike(where, ring.tell)
        if ring.a.dead or ring.b.dead:  # it was raised in there
            strike(())
            for member in (ring.a, ring.b):
                member.throw()
            ring.make()
            # On a stack that served another, the first arrival is below the frames that tell.
            ring.a.switch()
            strike(where, ring.tell)
        for _ in range(2):
            ring.a.switch()
    assert [(current, truth) for current, truth in ring.told if current != truth] == []


def test_signal_handlers_know_the_current_greenlet(ring):
    here = "main"
    ring.a.switch()  # until they have begun there are no frames that tell on their stacks
    before = signal.signal(signal.SIGALRM, lambda *_: ring.tell())
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert ring.a.switch() == "b"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert {current for current, _ in ring.told} == {here, "a", "b"}
    assert [(current, truth) for current, truth in ring.told if current != truth] == []


def test_the_next_collection_kills_unreferenced_greenlets():
    said = []

    def run() -> None:
        try:
            getcurrent().parent.switch()
        except GreenletExit:
            said.append("killed")

    for times in range(1, 4):  # on one stack, with one guard
        greenlet(run).switch()
        gc.collect()
        assert said == ["killed"] * times


def test_a_survivor_is_killed_again():
    said = []

    def run() -> None:
        for number in range(3):
            try:
                getcurrent().parent.switch()
            except GreenletExit:
                said.append(number)

    greenlet(run).switch()
    for times in range(1, 4):
        gc.collect()
        assert said == list(range(times))


def test_nested_greenlets_leave_room_for_others():
    def nest(depth: int) -> int:
        try:
            return greenlet(nest).switch(depth + 1)
        except RecursionError:
            return depth

    nest(0)  # with what earlier tests left, which may lie anywhere
    deepest = nest(0)
    assert deepest > 20
    for _ in range(3):
        assert nest(0) > 0.8 * deepest


def test_threads_may_begin_at_once():
    failed = []

    def begin() -> None:
        try:
            getcurrent()
        except RuntimeError as raised:
            failed.append(raised)

    with switch_interval(1e-6):
        for _ in range(5):
            threads = [threading.Thread(target=begin) for _ in range(32)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
    assert failed == []


def test_what_cannot_be_seen_says_so():
    with pytest.raises(NotImplementedError, match="stack slices are not visible on PyPy"):
        _mechanism.slice_of(getcurrent())
    with pytest.raises(AttributeError, match="the C stack is not visible on PyPy"):
        _ = getcurrent()._stack_saved
    with pytest.raises(NotImplementedError, match="PyPy has no trash can"):
        _mechanism.trash_nesting()


def test_a_subclass_cannot_hide_its_state():
    class Perverse(greenlet):
        def __getattribute__(self, name: str) -> None:
            return None

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    child = greenlet(lambda: 1, Perverse())
    with pytest.raises(
        TypeError, match="NoneType"
    ):  # what the parent that never began calls its `run`
        child.switch()
    assert child.dead


@WHERE
def test_a_throw_arrives_though_a_signal_handler_switches(strike, where):
    def go_back(to: greenlet) -> None:
        while True:
            to = to.switch("back")

    def catch() -> None:
        while True:
            try:
                said = main.switch("caught")
            except ValueError:
                said = "raised"
            told.append(said)

    main, told = getcurrent(), []
    elsewhere, catcher = greenlet(go_back), greenlet(catch)
    catcher.switch()
    strike(where, lambda: elsewhere.switch(getcurrent()))
    for _ in range(3):
        assert catcher.throw(ValueError) == "caught"
    strike(())
    assert told == ["raised"] * 3
    for each in (elsewhere, catcher):
        each.throw()


@pytest.mark.once
def test_finalisers_run_though_a_signal_handler_raises_at_an_end(monkeypatch):
    """Both are held off at an end, and a handler that has waited raises as soon as it may."""

    class Struck(Exception):
        pass

    class Finalised:
        def __del__(self) -> None:
            ran.append(1)

    def enter() -> None:
        signals_enter()
        raise Struck

    ran: list[int] = []
    signals_enter = _pypy._signals_enter
    with monkeypatch.context() as patches:
        patches.setattr(_pypy, "_signals_enter", enter)
        with pytest.raises(Struck):
            greenlet(int).switch()
    for _ in range(10):
        Finalised()
    gc.collect()
    gc.collect()
    assert len(ran) == 10
