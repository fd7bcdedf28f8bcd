"""Suspended greenlets that only their own frames keep alive: the collector finds them,
and they die soon after it.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from switchlib import GreenletExit, getcurrent, greenlet
from tests.cycles import KINDS, Ended, Kind, Tagged, how_many, wait
from tests.frozen import frozen

PYPY = sys.implementation.name == "pypy"
A_GENERATOR = next(kind for kind in KINDS if kind.name == "a generator")
OTHER_THREADS_ARE_CALLED = not PYPY and sys.version_info >= (3, 12)
cpython = pytest.mark.cpython
pytestmark = pytest.mark.skipif(
    sys.version_info[:3] == (3, 11, 0), reason="frames are not visited there: gh-99729"
)


@pytest.fixture(autouse=True)
def unraisable(monkeypatch) -> Iterator[list[Any]]:
    """What was raised where nobody could catch it: nothing, unless a test takes it away."""
    found: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: found.append(event.exc_value))
    yield found
    assert found == []


def collect() -> None:
    """After this all that was found is dead, without another use of greenlets."""
    gc.collect()
    if PYPY:
        getcurrent()
        gc.collect()


def end_all() -> None:
    for each in [each for each in gc.get_objects() if isinstance(each, Tagged) and each]:
        each.throw()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_cycle_is_collected(kind: Kind):
    before = 0 if PYPY else how_many()
    ended: Ended = []
    kind.make(ended)
    assert ended == []
    collect()
    if not kind.is_found_here:
        assert ended == []
        end_all()
    assert ended == ["ended"] * kind.greenlets
    gc.collect()
    assert PYPY or how_many() == before


@cpython("there it takes long to find them")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_referred_to_is_not(kind: Kind):
    ended: Ended = []
    kind.make(ended)
    held = [each for each in gc.get_objects() if isinstance(each, Tagged) and each]
    assert len(held) == kind.greenlets
    for _ in range(3):
        gc.collect()
        getcurrent()
    assert ended == []
    for each in held:
        each.throw()
    del each
    assert ended == ["ended"] * kind.greenlets
    held.clear()
    gc.collect()


def in_thread(function: Callable[[], object]) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as raised:
            failed.append(raised)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed.pop()


def test_in_another_thread():
    ended: Ended = []

    def run() -> None:
        KINDS[0].make(ended)
        gc.collect()
        if not OTHER_THREADS_ARE_CALLED:
            getcurrent()
        assert ended == ["ended"]

    in_thread(run)


@cpython("its collector runs when it likes")
def test_a_lock_is_released_soon():
    lock = threading.Lock()

    def run() -> None:
        me = getcurrent()  # noqa: F841
        with lock:
            getcurrent().parent.switch()

    greenlet(run).switch()
    gc.collect()
    assert not lock.locked()


@cpython("its collector runs when it likes")
def test_an_automatic_collection():
    ended: Ended = []
    KINDS[0].make(ended)
    for _ in range(1000):
        for _ in range(1000):
            [].append([[]])
            cycle: list[Any] = []
            cycle.append(cycle)
        if ended:
            break
    assert ended == ["ended"]


@cpython("there another thread's are killed when it next uses greenlets")
def test_another_thread_collects():
    """What it found of this thread dies here, when this thread resumes."""
    ended: Ended = []
    KINDS[0].make(ended)
    in_thread(gc.collect)
    for _ in range(10):
        pass
    assert ended == ["ended"]


@cpython("there another thread's are killed when it next uses greenlets")
def test_what_is_of_a_thread_that_waits():
    ended: Ended = []
    ready, collected = threading.Event(), threading.Event()

    def run() -> None:
        KINDS[0].make(ended)
        ready.set()
        assert collected.wait(60)
        if not OTHER_THREADS_ARE_CALLED:
            getcurrent()
        ends_in.append(ended[:])

    ends_in: list[Ended] = []
    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    gc.collect()
    assert ended == []
    collected.set()
    thread.join()
    assert ends_in in ([["ended"]], [[]])
    assert ended == ["ended"]


def test_across_two_threads():
    ended: Ended = []
    box: list[greenlet] = []
    ready, linked, over = threading.Event(), threading.Event(), threading.Event()

    def run(held: list[Any]) -> None:
        wait(ended)

    def other() -> None:
        held: list[Any] = []
        each = Tagged(run)
        each.switch(held)
        box.append(each)
        box.append(held)
        del each, held
        ready.set()
        assert linked.wait(60)
        getcurrent()
        assert over.wait(60)
        getcurrent()

    thread = threading.Thread(target=other)
    thread.start()
    assert ready.wait(60)
    held: list[Any] = []
    each = Tagged(run)
    each.switch(held)
    held.append(box[0])
    box[1].append(each)
    box.clear()
    del each, held
    for _ in range(3):
        gc.collect()
        getcurrent()
    linked.set()
    over.set()
    thread.join()
    collect()
    gc.collect()
    getcurrent()
    assert "ended" in ended
    assert PYPY or how_many() == 0


class Survives:
    """Survives as often as it should, and looks whether what it uses is still there."""

    def __init__(self, times: int) -> None:
        self.ends: list[str] = []
        self.times = times

    def run(self) -> None:
        me = getcurrent()
        used: Any = [1, {2: [3]}, {4}]
        used[0] = used
        see = lambda: (me, used)  # noqa: E731
        for number in range(self.times + 1):
            try:
                me.parent.switch()
            except GreenletExit:
                self.ends.append(f"end {number}")
                assert see()[1][1:] == [{2: [3]}, {4}]
                assert used[0] is used
                assert self.run.__func__.__globals__ is globals()
        self.ends.append("over")


def test_one_that_lives_on_is_killed_by_the_next_collection(unraisable):
    survivor = Survives(3)
    Tagged(survivor.run).switch()
    for number in range(4):
        collect()
        if not PYPY:  # which needs two to free what a finaliser has kept
            assert len(survivor.ends) == number + 1 + (number == 3)
    assert survivor.ends == ["end 0", "end 1", "end 2", "end 3", "over"]
    gc.collect()
    assert PYPY or how_many() == 0


@cpython("its collector kills what is dropped")
def test_one_that_outlives_its_last_reference_is_found_in_a_cycle_then():
    ends: list[str] = []
    box: list[Any] = []

    def run() -> None:
        kept = {"key": [1]}
        try:
            getcurrent().parent.switch()
        except GreenletExit:
            box.append(getcurrent())
            me = getcurrent()  # noqa: F841
            try:
                getcurrent().parent.switch()
            finally:
                ends.append(str(kept))

    each = Tagged(run)
    each.switch()
    del each
    assert len(box) == 1
    box[0].parent = getcurrent()
    box.clear()
    collect()
    assert ends == ["{'key': [1]}"]


@cpython("PyPy calls them in another order")
def test_weak_references():
    called: list[str] = []
    ended: Ended = []

    def run() -> None:
        me = getcurrent()  # noqa: F841
        wait(ended)

    each = Tagged(run)
    with_callback = weakref.ref(each, lambda _: called.append(str(len(ended))))
    without = weakref.ref(each)
    each.switch()
    del each
    gc.collect()
    gc.collect()
    assert ended == ["ended"]
    assert with_callback() is without() is None
    assert called == ["0"]  # the collector calls them before it calls finalisers


@cpython("its collector does not stand on the stacks of greenlets")
def test_a_finally_block_that_waits_in_a_hub():
    events: list[str] = []
    waiting: list[greenlet] = []

    def run_hub() -> None:
        while True:
            main.switch()
            while waiting:
                waiting.pop(0).switch()

    main = getcurrent()
    hub = greenlet(run_hub)
    hub.switch()

    def run() -> None:
        me = getcurrent()
        try:
            main.switch()
        finally:
            waiting.append(me)
            events.append("waits")
            hub.switch()
            events.append("ended")

    Tagged(run).switch()
    gc.collect()
    hub.switch()
    hub.switch()
    assert events == ["waits", "ended"]
    for number in range(3):  # the collector works on, and so does what kills soon
        ended: Ended = []
        KINDS[number].make(ended)
        gc.collect()
        assert ended == ["ended"]


@pytest.fixture
def no_callback_listens() -> Iterator[None]:
    before = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = before


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@cpython("it has no such callbacks")
def test_no_callback_listens(kind: Kind, no_callback_listens):
    ended: Ended = []
    kind.make(ended)
    gc.collect()
    getcurrent()
    if not kind.is_found_here:
        end_all()
    assert ended == ["ended"] * kind.greenlets
    gc.collect()


@cpython("it has no such callbacks")
def test_the_program_clears_the_list_while_it_collects():
    ended: Ended = []
    before = gc.callbacks[:]

    def clear(phase: str, info: object) -> None:
        gc.callbacks.clear()

    gc.callbacks.append(clear)
    try:
        A_GENERATOR.make(ended)
        gc.collect()
        getcurrent()
    finally:
        gc.callbacks[:] = before
    if not A_GENERATOR.is_found_here:
        end_all()
    assert ended == ["ended"]
    gc.collect()


@cpython("it has no such callbacks")
def test_a_callback_fails(unraisable):
    def fail(phase: str, info: object) -> None:
        raise LookupError(phase)

    gc.callbacks.insert(0, fail)
    ended: Ended = []
    try:
        KINDS[0].make(ended)
        gc.collect()
        assert ended == ["ended"]
    finally:
        gc.callbacks.remove(fail)
    assert {str(each) for each in unraisable} == {"start", "stop"}
    unraisable.clear()


@cpython("it has no such callbacks")
def test_a_callback_that_runs_within_the_collector_after_ours():
    """It comes before the collection is over, and so does the call that kills."""
    seen: list[Ended] = []
    ended: Ended = []

    def look(phase: str, info: object) -> None:
        for _ in range(100):
            str(1)
        seen.append(ended[:])

    gc.callbacks.append(look)
    try:
        KINDS[0].make(ended)
        gc.collect()
        assert ended == ["ended"]
    finally:
        gc.callbacks.remove(look)
    assert seen[:2] == [[], []]


@cpython("it has no frozen objects")
def test_a_frozen_one():
    ended: Ended = []
    KINDS[0].make(ended)
    with frozen():
        gc.collect()
        assert ended == []
    gc.collect()
    assert ended == ["ended"]


def running_generators(body: Callable[[], Iterator[Any]]) -> tuple[greenlet, Iterator[Any]]:
    generator = body()
    each = greenlet(lambda: next(generator))
    each.switch()
    return each, generator


@cpython("generators have no such mark there")
def test_asking_for_referents_leaves_no_mark():
    def generate() -> Iterator[int]:
        yield getcurrent().parent.switch()

    each, generator = running_generators(generate)
    gc.get_referents(each)
    gc.get_referrers(generator)
    assert not gc.is_finalized(generator)
    gc.collect()
    assert not gc.is_finalized(generator)
    each.switch(1)


@cpython("generators have no such mark there")
@pytest.mark.parametrize("listen", [True, False])
def test_a_finaliser_resumes_a_greenlet_while_its_generator_is_marked(listen):
    """The generator is dropped then, in the midst of the collection: its `finally` block runs."""
    events: list[str] = []

    def generate() -> Iterator[int]:
        try:
            getcurrent().parent.switch()
            yield 1
        finally:
            events.append("finally")

    def run() -> None:
        next(generate())
        events.append("ended")

    class Resumes:
        def __del__(self) -> None:
            each.switch()
            events.append("resumed")

    each = greenlet(run)
    each.switch()
    resumes = Resumes()
    resumes.me = resumes  # type: ignore[attr-defined]
    del resumes
    before = gc.callbacks[:]
    if not listen:
        gc.callbacks.clear()
    gc.collect()
    gc.callbacks[:] = before
    assert events == ["finally", "ended", "resumed"]


@cpython("PyPy calls finalisers one by one")
def test_a_local_whose_finaliser_brings_it_back():
    kept: list[Any] = []
    ended: Ended = []

    class Back:
        def __init__(self, me: greenlet) -> None:
            self.me = me

        def __del__(self) -> None:
            kept.append(self)

    def run() -> None:
        back = Back(getcurrent())  # noqa: F841
        wait(ended)

    Tagged(run).switch()
    gc.collect()
    assert ended == ["ended"]
    assert len(kept) == 1
    assert kept[0].me.dead
    kept.clear()
    gc.collect()


@cpython("PyPy calls finalisers one by one")
def test_a_finaliser_resumes_the_greenlet_that_is_found():
    events: list[str] = []

    class Resumes:
        def __init__(self, me: greenlet) -> None:
            self.me = me

        def __del__(self) -> None:
            events.append("finaliser")
            self.me.switch()

    def run() -> None:
        resumes = Resumes(getcurrent())  # noqa: F841
        try:
            getcurrent().parent.switch()
            events.append("resumed")
        finally:
            events.append("ended")

    Tagged(run).switch()
    gc.collect()
    getcurrent()
    assert events == ["finaliser", "resumed", "ended"]


@cpython("PyPy has a finaliser of its own")
@pytest.mark.parametrize("calls_ours", [True, False])
def test_a_class_with_a_finaliser_of_its_own(calls_ours):
    """Its frames are not looked at: the collector could not know that it is killed first."""
    called: list[str] = []

    class Own(greenlet):
        def __del__(self) -> None:
            called.append("called")
            if calls_ours:
                super().__del__()  # type: ignore[misc]

    ended: Ended = []

    def run() -> None:
        me = getcurrent()
        used = [1]
        see = lambda: (me, used)  # noqa: E731
        try:
            getcurrent().parent.switch()
        finally:
            ended.append(str(see()[1]))

    each = Own(run)
    each.me = each
    each.switch()
    del each
    gc.collect()
    assert called == ended == []
    (each,) = (each for each in gc.get_objects() if isinstance(each, Own))
    each.throw()
    assert ended == ["[1]"]
    del each
    gc.collect()
    assert called == ["called"]


@cpython("PyPy finds out otherwise")
def test_a_finaliser_gives_the_class_a_finaliser():
    """The collector calls that one instead of ours, after it has looked at the frames."""
    ended: Ended = []

    class Own(greenlet):
        pass

    class Changes:
        def __del__(self) -> None:
            Own.__del__ = lambda self: None  # type: ignore[attr-defined]

    def run() -> None:
        used = [1]
        me = getcurrent()
        see = lambda: (me, used)  # noqa: E731
        try:
            getcurrent().parent.switch()
        finally:
            ended.append(str(see()[1]))

    changes = Changes()
    changes.me = changes  # type: ignore[attr-defined]
    del changes
    Own(run).switch()
    for _ in range(3):
        gc.collect()
    for each in [each for each in gc.get_objects() if isinstance(each, Own)]:
        each.throw()
    del each
    assert ended == ["[1]"]
    del Own.__del__  # type: ignore[attr-defined]
    gc.collect()


def in_evaluation_stacks(made: Callable[[], Any]) -> None:
    def generate() -> Iterator[None]:
        with made():
            for _ in made():
                call(None, getcurrent().parent.switch())
        yield

    def call(*arguments: object) -> None: ...

    def run() -> None:
        for _ in made():
            try:
                for _ in generate():
                    pass
            finally:
                call()

    greenlet(run).switch()


@pytest.mark.leaks("up to CPython 3.13 what is called and its arguments, when a thread ends")
@cpython("PyPy frees a stack as a whole, when it likes")
def test_a_thread_ends_and_evaluation_stacks_are_freed():
    class Made:
        def __iter__(self) -> Any:
            return self

        def __next__(self) -> None: ...

        def __enter__(self) -> None: ...

        def __exit__(self, *exception: object) -> None: ...

    made: list[weakref.ref[Made]] = []

    def make() -> Made:
        made.append(weakref.ref(each := Made()))
        return each

    in_thread(lambda: in_evaluation_stacks(make))
    gc.collect()
    assert len(made) == 3
    assert [each() for each in made] == [None] * 3


@pytest.mark.leaks("up to CPython 3.13 what is called and its arguments, when a thread ends")
@pytest.mark.parametrize("collects", [True, False])
def test_a_thread_ends_with_a_generator_that_runs(collects):
    """It can never be closed, so the mechanism does not try."""

    def run() -> None:
        each = greenlet(run_generator)
        each.switch()
        kept.append(each)

    def run_generator() -> None:
        for _ in generate():
            pass

    def generate() -> Iterator[None]:
        yield
        getcurrent().parent.switch()

    kept: list[Any] = []
    in_thread(run)
    cycle = [kept.pop()]
    cycle.append(cycle)
    if collects:
        gc.collect()
    del cycle
    gc.collect()
    gc.collect()


@cpython("not explained yet: in one run of two some were left there")
def test_collections_in_many_threads():
    found_here = [kind for kind in KINDS if kind.is_found_here]
    failed: list[Ended] = []

    def run() -> None:
        ended: Ended = []
        for _ in range(3):
            for kind in found_here:
                kind.make(ended)
            gc.collect()
            getcurrent()
        for _ in range(200):  # another thread's collection may be under way, which begins no second
            gc.collect()
            getcurrent()
            if len(ended) == 3 * sum(kind.greenlets for kind in found_here):
                return
            time.sleep(0.01)
        failed.append(ended)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    gc.collect()
    assert PYPY or how_many() == 0


@cpython("it has no such thresholds")
def test_the_collector_at_every_allocation():
    ended: Ended = []
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(5):
            for kind in [kind for kind in KINDS if kind.is_found_here]:
                kind.make(ended)
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert set(ended) == {"ended"}


AT_THE_END = """
import gc
from switchlib import getcurrent
from tests.cycles import KINDS
ended = []
for kind in KINDS:
    kind.make(ended)
print("made", flush=True)
"""


def test_the_interpreter_ends_with_all_kinds(shortcuts, python):
    done = python("-c", AT_THE_END, SWITCHLIB_SHORTCUTS=str(int(shortcuts)))
    assert done.stdout == "made\n"
    assert done.stderr == ""
