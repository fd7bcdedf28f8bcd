"""add_watcher: what is told of greenlets, in all threads."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

import switchlib
from switchlib import GreenletExit, _mechanism, add_watcher, getcurrent, greenlet, remove_watcher
from tests.conftest import let_die
from tests.greenlet.shared import Mine, in_thread
from tests.model.model import follow
from tests.model.program import Program, source
from tests.model.real import UNSEEN, run_on
from tests.model.test_model import programs, survivors

PYPY = sys.implementation.name == "pypy"


@contextlib.contextmanager
def watched(watcher: Callable[[Any], object], *names: Any) -> Iterator[None]:
    add_watcher(watcher, *names)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # it was removed, since it raised
            remove_watcher(watcher)


@pytest.fixture(autouse=True)
def _no_watcher_left() -> Iterator[None]:
    yield
    assert _mechanism.watchers() == ()


@pytest.fixture
def unraisable(monkeypatch) -> Iterator[list[Any]]:
    """What sys.unraisablehook is called with: the exception, and what raised it."""
    reported: list[Any] = []

    def hook(report):
        reported.append((report.exc_value, report.object))

    monkeypatch.setattr(sys, "unraisablehook", hook)
    yield reported
    reported.clear()


def outcome(event: Any) -> tuple[Any, ...]:
    return tuple(event)


# ------------------------------------------------------------------------------- what is told


def test_each_event_and_its_details():
    events: list[Any] = []
    main = getcurrent()

    def run(first):
        with contextlib.suppress(Mine):
            main.switch("out")
        return "value"

    mine = Mine()
    with watched(events.append):
        each = greenlet(run)
        each.switch("in")
        each.throw(mine)
    assert [tuple(event) for event in events] == [
        ("create", each, main, None, None, None),
        ("start", each, main, run, None, None),
        ("switch", main, each, None, "out", None),
        ("throw", each, main, None, None, mine),
        ("end", each, None, None, "value", None),
        ("switch", main, each, None, "value", None),
    ]
    first = events[0]
    assert isinstance(first, switchlib.GreenletEvent)
    assert first.name == "create"
    assert first.greenlet is each
    assert first.origin is main
    assert first.run is first.value is first.exception is None


def test_an_end_by_an_exception():
    events: list[Any] = []
    mine = Mine()

    def run():
        raise mine

    with watched(events.append), pytest.raises(Mine):
        greenlet(run).switch()
    each, main = events[0].greenlet, getcurrent()
    assert [outcome(event) for event in events[2:]] == [
        ("end", each, None, None, None, mine),
        ("throw", main, each, None, None, mine),
    ]


def test_an_exit_is_a_value():
    events: list[Any] = []
    exit = GreenletExit()
    each = greenlet(lambda: getcurrent().parent.switch())
    each.switch()
    with watched(events.append):
        assert each.throw(exit) is exit
    assert [event.name for event in events] == ["throw", "end", "switch"]
    assert events[0].exception is events[1].value is events[2].value is exit
    assert events[1].exception is None


def test_a_throw_that_starts_and_ends_a_greenlet():
    events: list[Any] = []
    each = greenlet(lambda: 1)
    with watched(events.append), pytest.raises(Mine):
        each.throw(Mine)
    assert [(event.name, event.greenlet) for event in events] == [
        ("throw", each),
        ("end", each),
        ("throw", getcurrent()),
    ]


def test_a_switch_to_itself_and_to_a_dead_greenlet():
    events: list[Any] = []
    main = getcurrent()
    dead = greenlet(lambda: 1)
    dead.switch()
    with watched(events.append):
        main.switch(1)
        dead.switch(2)
    assert [outcome(event) for event in events] == [
        ("switch", main, main, None, 1, None),
        ("switch", main, main, None, 2, None),
    ]


def test_the_run_of_a_subclass():
    class Sub(greenlet):
        def __init__(self):
            created.append([event.name for event in events])
            super().__init__()

        def run(self):
            return 1

    events: list[Any] = []
    created: list[Any] = []
    with watched(events.append):
        each = Sub()
        each.switch()
    assert created == [["create"]]  # before its __init__
    assert [event.name for event in events] == ["create", "start", "end", "switch"]
    assert events[1].run == each.run if hasattr(each, "run") else events[1].run.__self__ is each


def test_an_end_into_one_that_is_unstarted():
    events: list[Any] = []
    main = getcurrent()
    parent = greenlet(lambda value: value)
    child = greenlet(lambda: 1, parent)
    with watched(events.append):
        assert child.switch() == 1
    assert [(event.name, event.greenlet, event.origin) for event in events] == [
        ("start", child, main),
        ("end", child, None),
        ("start", parent, child),
        ("end", parent, None),
        ("switch", main, parent),
    ]


def test_a_kill():
    names: list[str] = []
    each = greenlet(lambda: getcurrent().parent.switch())
    each.switch()
    with watched(lambda event: names.append(event.name)):
        del each
        let_die()
    assert names == ["throw", "end", "switch"]


@pytest.mark.leaks("the method that a suspended greenlet was calling when its thread ended")
def test_what_dies_unstarted_or_with_its_thread_has_no_end():
    names: list[str] = []
    kept: list[Any] = []

    def thread():
        kept.append(greenlet(lambda: getcurrent().parent.switch()))
        kept[0].switch()

    with watched(lambda event: names.append(event.name)):
        greenlet(lambda: 1)
        let_die()
        in_thread(thread)
        kept.clear()
        let_die()
    assert names == ["create", "create", "start", "switch"]


def test_one_that_is_suspended_when_watching_begins():
    events: list[Any] = []
    main = getcurrent()

    def run():
        main.switch()
        main.switch()

    each = greenlet(run)
    each.switch()
    with watched(events.append):
        each.switch()
    each.switch()
    assert [(event.name, event.greenlet) for event in events] == [
        ("switch", each),
        ("switch", main),
    ]


# --------------------------------------------------------------------------- adding and removing


def test_names_choose_the_events():
    names: list[str] = []

    def run():
        with contextlib.suppress(Mine):
            getcurrent().parent.switch()

    def watcher(event):
        names.append(event.name)

    for chosen in [("create",), ("start", "end"), ("throw",), ("switch",), ()]:
        names.clear()
        with watched(watcher, *chosen):
            each = greenlet(run)
            each.switch()
            each.throw(Mine)
        everything = ["create", "start", "switch", "throw", "end", "switch"]
        assert names == [name for name in everything if not chosen or name in chosen]


def test_adding_again_changes_the_names():
    names: list[str] = []

    def watcher(event):
        names.append(event.name)

    add_watcher(watcher)
    with watched(watcher, "create"):
        greenlet(lambda: 1).switch()
    assert names == ["create"]


def test_bound_methods_and_many():
    class Log:
        def __init__(self):
            self.names = []

        def told(self, event):
            self.names.append(event.name)

    logs = [Log() for _ in range(20)]
    for log in logs:
        add_watcher(log.told)
    greenlet(lambda: 1).switch()
    for log in logs:
        remove_watcher(log.told)
    greenlet(lambda: 1).switch()
    assert {tuple(log.names) for log in logs} == {("create", "start", "end", "switch")}


def test_bad_arguments():
    with pytest.raises(TypeError, match="a watcher must be callable, not int"):
        add_watcher(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no event is called 'begin'"):
        add_watcher(print, "begin")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="this watcher is not there"):
        remove_watcher(print)


def test_removed_within_a_watcher():
    names: list[str] = []

    def first(event):
        names.append("first")
        remove_watcher(first)
        remove_watcher(second)

    def second(event):
        raise AssertionError("it was removed before it was called")

    add_watcher(first)
    add_watcher(second)
    greenlet(lambda: 1).switch()
    assert names == ["first"]


def test_added_within_a_watcher():
    names: list[str] = []

    def second(event):
        names.append(event.name)

    def first(event):
        remove_watcher(first)
        add_watcher(second)

    add_watcher(first)
    greenlet(lambda: 1).switch()
    remove_watcher(second)
    assert names == ["start", "end", "switch"]


def test_a_tracer_is_called_as_well():
    order: list[Any] = []
    switchlib.settrace(lambda event, pair: order.append(("tracer", event)))
    try:
        with watched(lambda event: order.append(("watcher", event.name))):
            greenlet(lambda: 1).switch()
    finally:
        switchlib.settrace(None)
    assert order == [
        ("watcher", "create"),
        ("watcher", "start"),
        ("tracer", "switch"),
        ("watcher", "end"),
        ("watcher", "switch"),
        ("tracer", "switch"),
    ]


def test_shortcuts_come_back(shortcuts):
    with watched(lambda event: None):
        greenlet(lambda: 1).switch()
    assert _mechanism.shortcuts(None) is shortcuts


# ------------------------------------------------------------------- what a watcher does wrong


@pytest.mark.parametrize("kind", [Mine, KeyboardInterrupt, GreenletExit, SystemExit])
def test_one_that_raises_is_reported_and_removed(unraisable, kind):
    def watcher(event):
        raise kind

    others: list[str] = []
    with watched(watcher), watched(lambda event: others.append(event.name)):
        each = greenlet(lambda value: value)
        assert each.switch(5) == 5
        with pytest.raises(ValueError, match="not there"):
            remove_watcher(watcher)
    assert [(type(raised), culprit) for raised, culprit in unraisable] == [(kind, watcher)]
    assert others == ["create", "start", "end", "switch"]


@pytest.mark.parametrize("name", ["create", "start", "switch", "throw", "end"])
def test_one_that_raises_changes_nothing(unraisable, name):
    def watcher(event):
        raise Mine(name)

    main = getcurrent()
    mine = Mine()

    def run(value):
        with pytest.raises(Mine) as raised:
            main.switch(value + 1)
        assert raised.value is mine
        return 7

    with watched(watcher, name):
        each = greenlet(run)
        assert each.switch(1) == 2
        assert each.throw(mine) == 7
    assert len(unraisable) == 1


def test_one_cannot_switch(unraisable):
    main = getcurrent()
    other = greenlet(lambda: main.switch())
    other.switch()
    refused: list[Any] = []

    def watcher(event):
        for attempt in (
            lambda: other.switch(),
            lambda: other.switch(a=1),
            lambda: other.throw(Mine),
            lambda: main.switch(),
            lambda: greenlet(lambda: 1).switch(),
        ):
            with pytest.raises(switchlib.error, match="while a watcher runs") as raised:
                attempt()
            refused.append(raised.value)
        remove_watcher(watcher)
        with pytest.raises(switchlib.error, match="while a watcher runs"):
            other.switch()

    for name in ("create", "start", "switch", "throw", "end"):
        refused.clear()
        with watched(watcher, name):
            each = greenlet(lambda: main.switch())
            each.switch()
            with contextlib.suppress(Mine):
                each.throw(Mine)
        assert len(refused) == 5
    assert unraisable == []
    other.switch()


def test_what_one_does_is_not_told():
    names: list[str] = []

    def watcher(event):
        names.append(event.name)
        greenlet(lambda: 1)

    with watched(watcher):
        greenlet(lambda: 1).switch()
    assert names == ["create", "start", "end", "switch"]


def test_a_greenlet_that_one_drops_dies_afterwards():
    """It would have to be switched to."""
    died: list[str] = []

    def run():
        try:
            getcurrent().parent.switch()
        finally:
            died.append("it")

    victims = [greenlet(run)]
    victims[0].switch()

    def watcher(event):
        victims.clear()
        let_die()
        assert died == []

    with watched(watcher, "start"):
        greenlet(lambda: 1).switch()
    let_die()
    getcurrent()
    assert died == ["it"]


def test_one_that_keeps_the_greenlet_it_is_told_of():
    kept: list[Any] = []
    with watched(lambda event: kept.append(event.greenlet), "end"):
        greenlet(lambda: 1).switch()
    assert kept[0].dead
    kept.clear()


def test_one_that_collects():
    def cycle():
        each = greenlet(lambda: getcurrent().parent.switch())
        each.myself = each
        each.switch()

    with watched(lambda event: gc.collect(), "end", "switch"):
        for _ in range(3):
            cycle()
            greenlet(lambda: 1).switch()


def test_one_that_changes_the_greenlet_it_is_told_of():
    main = getcurrent()

    def watcher(event):
        each = event.greenlet
        if event.name == "create":
            each.run = lambda: 1
            remove_watcher(watcher)
            add_watcher(watcher, "end")
        elif event.name == "end":
            each.parent = greenlet(lambda value: (value, "by another parent"), main)
            remove_watcher(watcher)

    with watched(watcher):
        each = greenlet()
        assert each.switch() == (1, "by another parent")
    assert getcurrent() is main


def test_the_frame_below_one_is_the_programs():
    frames: list[Any] = []
    with watched(lambda event: frames.append(sys._getframe(1).f_code), "create", "switch"):
        greenlet(lambda: 1).switch()
    assert set(frames) == {sys._getframe().f_code}


@pytest.mark.cpython("tracing functions are not muted there")
def test_one_is_not_traced():
    seen: list[str] = []

    def watcher(event):
        pass

    def trace(frame, event, arg):
        seen.append(frame.f_code.co_name)

    before = sys.gettrace()
    with watched(watcher):
        sys.settrace(trace)
        try:
            greenlet(lambda: 1).switch()
        finally:
            sys.settrace(before)
    assert "<lambda>" in seen
    assert "watcher" not in seen


# --------------------------------------------------------------------------- threads and forks


def test_all_threads_present_and_future():
    told: list[Any] = []
    begun, go = threading.Event(), threading.Event()

    def work():
        getcurrent()
        begun.set()
        go.wait()
        greenlet(lambda: 1).switch()

    present = threading.Thread(target=work)
    present.start()
    begun.wait()
    with watched(lambda event: told.append((threading.get_ident(), event.name))):
        go.set()
        present.join()
        future = in_thread(lambda: (work(), threading.get_ident())[1])
    expected = ["create", "start", "end", "switch"]
    assert [name for ident, name in told if ident == present.ident][:4] == expected
    assert [name for ident, name in told if ident == future][-4:] == expected
    assert len(told) == 8


def test_other_threads_add_and_remove_while_this_one_switches():
    stop = False

    def change():
        def watcher(event):
            assert event.name

        while not stop:
            add_watcher(watcher)
            remove_watcher(watcher)

    threads = [threading.Thread(target=change) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300 if PYPY else 3000):
            assert greenlet(lambda value: value).switch(3) == 3
    finally:
        stop = True
        for thread in threads:
            thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_is_watched_as_well():
    names: list[str] = []
    main = getcurrent()
    pids: list[int] = []

    def run():
        pids.append(os.fork())
        main.switch()

    each = greenlet(run)
    with watched(lambda event: names.append(event.name)):
        each.switch()
        if pids[0] == 0:
            with contextlib.suppress(BaseException):
                each.switch()
                os._exit(0 if names == ["start", "switch", "switch", "end", "switch"] else 1)
            os._exit(2)
        _, status = os.waitpid(pids[0], 0)
        each.switch()
    assert status == 0


# ------------------------------------------------------------------------------ random programs


class Ledger:
    """Checks that events fit together, thread by thread, without keeping any greenlet alive."""

    def __init__(self) -> None:
        self.current: dict[int, int] = {}
        self.states: dict[int, str] = {}
        self.wrong: list[str] = []

    def told(self, event: Any) -> None:
        thread = threading.get_ident()
        me, origin = id(event.greenlet), id(event.origin)
        current = self.current.get(thread)
        self.check(event.greenlet is getcurrent() or event.name == "create", event.name)
        if event.name == "create":
            self.check(current in (None, origin), "it was made by the greenlet that runs")
            self.states[me] = "created"
        elif event.name == "end":
            self.check(current == me, "the greenlet that runs ends")
            self.check(self.states.get(me) in ("runs", "thrown"), "it had started")
            self.states[me] = "dead"
        else:
            self.check(current in (None, origin), "it was left by the greenlet that ran")
            if event.greenlet.parent is None:  # one that was made before may have had its address
                self.states.pop(me, None)
            state = self.states.get(me)
            if event.name == "start":
                self.check(state == "created", "it starts once")
            if state is not None:
                self.check(state != "dead", "it is alive")
                self.check(state != "thrown", "a throw that starts one ends it")
                self.check(state != "created" or event.name != "switch", "it starts first")
                thrown_at_once = state == "created" and event.name == "throw"
                self.states[me] = "thrown" if thrown_at_once else "runs"
            self.current[thread] = me

    def check(self, right: bool, rule: str) -> None:
        if not right:
            self.wrong.append(rule)


@survivors
@hypothesis.settings(max_examples=100 if PYPY else 200)
@given(programs())
def test_random_programs_do_the_same_and_events_fit_together(program: Program):
    ledger = Ledger()
    with watched(ledger.told):
        events = run_on(switchlib, program)
    assert ledger.wrong == [], source(program)
    assert events == follow(program, events, UNSEEN).events, source(program)


# Small programs that write down themselves what they do.
STEPS = st.lists(
    st.tuples(st.sampled_from(["switch", "throw", "make", "self"]), st.integers(0, 5)), max_size=12
)
ENDS = st.sampled_from(["return", "raise", "exit"])


@given(st.lists(st.tuples(STEPS, ENDS), min_size=1, max_size=5), STEPS)
def test_events_are_what_the_program_wrote_down(bodies, first):
    told: list[Any] = []
    done: list[Any] = []
    made: list[Any] = []
    main = getcurrent()
    left = SimpleNamespace(by=main, end=None)

    def note(name: str, origin: Any, **details: Any) -> None:
        done.append((name, getcurrent(), origin, details))

    def make() -> None:
        if len(made) < len(bodies):
            steps, end = bodies[len(made)]

            def run(*args):
                note("start", left.by, run=run)
                take(steps)
                me = left.by = getcurrent()
                if end == "return":
                    value = object()
                    done.append(("end", me, None, {"value": value}))
                    return value
                raised = Mine() if end == "raise" else GreenletExit()
                key = "exception" if end == "raise" else "value"
                done.append(("end", me, None, {key: raised}))
                raise raised

            each = greenlet(run)
            done.append(("create", each, getcurrent(), {}))
            made.append(each)

    def take(steps: list[tuple[str, int]]) -> None:
        me = getcurrent()
        for what, number in steps:
            if what == "make" or not made:
                make()
                continue
            target = getcurrent() if what == "self" else made[number % len(made)]
            unstarted = not target and not target.dead
            if what == "throw" and unstarted:
                continue  # it runs nothing that could write it down
            left.by = me
            thrown = Mine()
            try:
                value = target.throw(thrown) if what == "throw" else target.switch(object())
            except Mine as raised:
                note("throw", left.by, exception=raised)
            else:
                note("switch", left.by, value=value)
            left.by = me

    def finish() -> None:
        for each in made:
            while each:
                left.by = main
                try:
                    value = each.throw(GreenletExit)
                except Mine as raised:
                    note("throw", left.by, exception=raised)
                else:
                    note("switch", left.by, value=value)

    with watched(told.append):
        take(first)
    assert [_details(event) for event in told] == done
    finish()


def _details(event: Any) -> tuple[str, Any, Any, dict[str, Any]]:
    details = {"run": event.run, "value": event.value, "exception": event.exception}
    return (
        event.name,
        event.greenlet,
        event.origin,
        {name: detail for name, detail in details.items() if detail is not None},
    )
