"""What a program sees of all its greenlets: the list of them, and their stacks."""

from __future__ import annotations

import gc
import io
import sys
import threading
import weakref

import pytest

import switchlib
from switchlib import (
    StackEntry,
    all_greenlets,
    capture_stack,
    format_stacks,
    getcurrent,
    greenlet,
    print_stacks,
)

PYPY = sys.implementation.name == "pypy"
makes_frames = pytest.mark.cpython("its frames are objects")


def where(entries: list[StackEntry]) -> list[tuple[str, int | None]]:
    return [(entry.code.co_name, entry.lineno) for entry in entries]


def of_frames(frame) -> list[tuple[str, int | None]]:
    """The same, by frame objects."""
    found = []
    first = frame
    while frame is not None and (frame is not first or not found):  # PyPy's are a circle
        found.append((frame.f_code.co_name, frame.f_lineno))
        frame = frame.f_back
    return found[::-1]


def suspend() -> None:
    parent = getcurrent().parent
    assert parent is not None
    parent.switch()


def finish(*greenlets: greenlet) -> None:
    for each in greenlets:
        each.switch()
        assert each.dead


def test_all_states_are_listed_oldest_first():
    unstarted = greenlet(suspend)
    suspended = greenlet(suspend)
    suspended.switch()
    dead = greenlet(int)
    dead.switch()
    listed = all_greenlets()
    ours = [g for g in listed if g in (getcurrent(), unstarted, suspended, dead)]
    if PYPY:
        assert {unstarted, suspended} <= set(ours)
    else:
        assert ours == [getcurrent(), unstarted, suspended, dead]
    finish(suspended)


def test_those_of_other_threads_are_listed():
    entered, leave = threading.Event(), threading.Event()
    inside: list[greenlet] = []

    def wait() -> None:
        inside.append(getcurrent())
        entered.set()
        leave.wait()

    thread = threading.Thread(target=lambda: greenlet(wait).switch())
    thread.start()
    entered.wait()
    try:
        listed = all_greenlets()
        assert inside[0] in listed
        assert inside[0].parent in listed
    finally:
        leave.set()
        thread.join()


@pytest.mark.cpython("its collector decides")
def test_one_that_has_been_freed_is_not_listed():
    g = greenlet(suspend)
    address = id(g)
    assert address in map(id, all_greenlets())
    del g
    assert address not in map(id, all_greenlets())


@pytest.mark.cpython("it has no weak references to what is being freed")
def test_one_that_is_being_freed_is_not_listed():
    """Its weak references are cleared when it has no references any more, but is still there."""
    listed: list[list[int]] = []
    g = greenlet(suspend)
    address = id(g)
    watch = weakref.ref(g, lambda _: listed.append([id(each) for each in all_greenlets()]))
    del g
    assert watch() is None
    assert len(listed) == 1
    assert address not in listed[0]


def test_a_suspended_stack_is_what_its_frames_say():
    def generator():
        yield suspend()

    def depth(n: int) -> None:
        if n:
            depth(n - 1)
        else:
            for _ in generator():
                sorted([1], key=lambda _: suspend())

    g = greenlet(depth)
    g.switch(5)
    for _ in range(2):
        captured = capture_stack(g)
        assert where(captured) == of_frames(g.gr_frame)
        assert where(captured)[0][0] == "depth"
        assert where(captured)[-1][0] == "suspend"
        g.switch()
    assert g.dead


def test_the_callers_own_stack():
    def run() -> tuple[list, list]:
        return where(capture_stack(getcurrent())), of_frames(sys._getframe())

    captured, by_frames = greenlet(run).switch()
    assert captured == by_frames[-1:]
    assert captured[0][0] == "run"
    captured, by_frames = run()
    assert captured == by_frames
    assert len(captured) > 1


def test_the_stack_of_a_greenlet_that_runs_in_another_thread():
    entered, leave = threading.Event(), threading.Event()
    inside: list[greenlet] = []

    def wait() -> None:
        inside.append(getcurrent())
        entered.set()
        while not leave.is_set():
            pass

    def begin() -> None:
        greenlet(wait).switch()

    thread = threading.Thread(target=begin)
    thread.start()
    entered.wait()
    try:
        for _ in range(200):
            assert where(capture_stack(inside[0]))[0][0] == "wait"
        parent = inside[0].parent
        assert parent is not None
        assert where(capture_stack(parent))[-1][0] == "begin"
    finally:
        leave.set()
        thread.join()
    assert capture_stack(inside[0]) == []


def test_unstarted_and_dead_have_no_stack():
    g = greenlet(int)
    assert capture_stack(g) == []
    g.switch()
    assert capture_stack(g) == []


def test_an_entry():
    def inner() -> None:
        suspend()

    g = greenlet(inner)
    g.switch()
    entry = capture_stack(g)[0]
    assert entry.filename == __file__
    assert entry.lineno == inner.__code__.co_firstlineno + 1
    assert entry.name == (inner.__qualname__ if sys.version_info >= (3, 11) else "inner")
    assert entry.code is inner.__code__
    with pytest.raises(AttributeError):
        entry.lineno = 1  # type: ignore[misc]
    finish(g)


@pytest.mark.parametrize("thing", [None, 1, object()])
def test_only_greenlets_have_a_stack(thing):
    with pytest.raises(TypeError, match="greenlet"):
        capture_stack(thing)


@pytest.mark.parametrize("gap", [0, 1, 2, 10, 62, 63, 64, 200, 5000, 100_000])
def test_lines_of_any_distance(gap):
    """What a table of lines has for it depends on the distance, which may be negative."""
    source = "def run(suspend):" + "\n" * gap + "\n  suspend(\n" + "\n" * gap + "   1)\n"
    source += "  x = [\n    suspend(1),\n" + "\n" * gap + "    suspend(1)]\n"
    namespace: dict = {}
    exec(source, namespace)
    g = greenlet(namespace["run"])
    g.switch(lambda _: suspend())
    seen = 0
    while not g.dead:
        assert where(capture_stack(g)) == of_frames(g.gr_frame)
        seen += 1
        g.switch()
    assert seen == 3


@makes_frames
def test_no_frame_object_is_made():
    gs = [greenlet(suspend) for _ in range(100)]
    for g in gs:
        g.switch()
    gc.collect()
    kind = type(sys._getframe())
    before = sum(type(each) is kind for each in gc.get_objects())
    for g in gs:
        capture_stack(g)
    assert sum(type(each) is kind for each in gc.get_objects()) == before
    finish(*gs)


def test_the_text_has_every_thread_state_and_run():
    entered, leave = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        leave.wait()

    class Named(greenlet):
        pass

    thread = threading.Thread(target=lambda: greenlet(wait).switch(), name="a worker")
    thread.start()
    entered.wait()
    unstarted = Named(suspend)
    unstarted.name = "the next one"
    suspended = greenlet(suspend)
    suspended.switch()
    try:
        text = format_stacks()
    finally:
        leave.set()
        thread.join()
    assert "(a worker)" in text
    assert f"({threading.current_thread().name})" in text
    assert "Named at" in text
    assert "name 'the next one'" in text
    assert f"run suspend ({__file__}:{suspend.__code__.co_firstlineno})" in text
    assert ", main" in text
    assert f"parent {id(getcurrent()):#x}" in text
    assert "switchlib/_stacks.py" not in text
    assert "in suspend\n    parent.switch()" in text
    assert "wait\n" in text
    finish(suspended)


def test_equal_stacks_are_one_entry():
    gs = [greenlet(suspend) for _ in range(50)]
    for g in gs:
        g.switch()
    text = format_stacks()
    assert text.count("in suspend\n") == 1
    assert "... and 47 more with the same stack" in text
    finish(*gs)


def test_print_stacks_writes_to_a_file(capsys):
    out = io.StringIO()
    print_stacks(out)
    assert "greenlet" in out.getvalue()
    print_stacks()
    assert "greenlet" in capsys.readouterr().err


def test_a_repr_that_raises_is_not_called():
    class Rude(greenlet):
        def __repr__(self) -> str:
            raise RuntimeError

        def __getattribute__(self, name: str) -> object:
            raise RuntimeError

    g = Rude(int)
    assert "Rude at" in format_stacks()
    del g


@pytest.mark.cpython("its collector has no thresholds")
def test_a_finaliser_may_change_everything_meanwhile():
    """On CPython 3.10 and 3.11 the list's memory may let the collector run."""

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            for g in [g for g in gs if not g.dead]:
                g.switch()

    gs = [greenlet(suspend) for _ in range(20)]
    for g in gs:
        g.switch()
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for g in list(gs):
            Cycle()
            capture_stack(g)
            all_greenlets()
    finally:
        gc.set_threshold(*before)
        gc.collect()
    assert all(g.dead for g in gs)


@pytest.mark.skipif(not PYPY, reason="CPython has handlers in C")
def test_pypy_says_that_no_signal_handler_sees_stacks():
    for call in (
        lambda: switchlib.dump_on_signal(10),
        lambda: switchlib.stop_dump_on_signal(10),
        lambda: switchlib.dump_on_fatal_error(),
        lambda: switchlib.stop_dump_on_fatal_error(),
    ):
        with pytest.raises(NotImplementedError):
            call()


@pytest.mark.cpython("it counts no references")
def test_what_waits_in_the_trash_can_is_not_listed():
    """Such an object has no references any more, but has not been freed yet."""
    counts: list[int] = []

    class Witness:
        def __del__(self) -> None:
            counts.append(len(all_greenlets()))

    links = 100_000
    chain = None
    for i in range(links):
        g = greenlet(int)
        g.first = chain
        if i % 1000 == 0:
            g.second = Witness()
        chain = g
    del g, chain
    assert len(counts) == links // 1000
    assert max(counts) < links
