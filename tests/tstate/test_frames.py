"""The frames of suspended greenlets, which CPython follows by itself:
what it finds must never be others' stack.
"""

from __future__ import annotations

import functools
import gc
import itertools
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from switchlib import GreenletExit, getcurrent, greenlet

pytestmark = pytest.mark.cpython(
    "it follows the outermost frame of a suspended greenlet by its innermost, for ever"
)


def names(frame: FrameType | None) -> list[str]:
    return [each.f_code.co_name for each, _ in traceback.walk_stack(frame)]


def through_c(function: Callable[[], object]) -> object:
    """Calls it from C: in the middle of a stack there is another run of the eval loop."""
    return next(iter(function, through_c))


def overwrite_stacks() -> None:
    """Has others use the C stack of all that is suspended, and the memory that was freed."""

    def use(levels: int) -> object:
        return through_c(lambda: use(levels - 1)) if levels else getcurrent().parent.switch()

    for levels in (1, 5, 20):
        each = greenlet(use)
        each.switch(levels)
        each.switch()
    [bytearray(size) for size in range(600)]


def check(chains: list[tuple[FrameType, list[str]]]) -> None:
    for _ in range(3):
        for frame, expected in chains:
            assert names(frame) == expected
        overwrite_stacks()


class Finalised:
    def __init__(self, function):
        self.function = function

    def __del__(self):
        self.function()


CALLS = 6


def test_kept_frames_below_calls_from_c():
    main = getcurrent()
    kept = []

    def descend(levels):
        kept.append(sys._getframe())
        if levels:
            through_c(lambda: descend(levels - 1))
        else:
            main.switch()
        return names(sys._getframe())

    each = greenlet(descend)
    each.switch(CALLS)
    link = ["descend", "<lambda>", "through_c"]
    chains = [(frame, link * level + ["descend"]) for level, frame in enumerate(kept)]
    check(chains)
    assert names(each.gr_frame) == chains[-1][1]
    assert each.switch() == ["descend"]
    check(chains)


def numbers(switch: Callable[[], object]) -> Iterator[object]:
    yield sys._getframe()
    yield switch()


@pytest.mark.parametrize(
    "step", [lambda g: next(g), lambda g: list(g), lambda g: [*zip(g, strict=False)]]
)
def test_a_generator_that_runs_in_a_suspended_greenlet(step):
    main = getcurrent()
    generator = numbers(main.switch)
    inner = next(generator)
    assert inner.f_back is None

    def run():
        step(generator)

    each = greenlet(run)
    each.switch()
    expected = names(each.gr_frame)
    assert expected[0] == "numbers"
    assert expected[-1] == "run"
    assert generator.gi_frame is inner
    check([(inner, expected)])
    with pytest.raises(ValueError, match="generator already executing"):
        next(generator)
    each.switch()
    assert each.dead
    assert generator.gi_running is False


class Name(str):
    """A keyword whose comparison switches: the frame that it is for has been allocated,
    but is not in the chain.
    """

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        return through_c(getcurrent().parent.switch) or str.__eq__(self, other)


def generator_of(function: Callable[[], object]) -> Iterator[object]:
    yield
    try:
        yield function()
    finally:
        function()


def large(function: Callable[[], object]) -> object:
    return function()


large.__code__ = large.__code__.replace(co_stacksize=4000)


def outermost_frames(
    switch: Callable[[], object],
) -> dict[str, tuple[Callable[[], object], list[str] | None]]:
    """Ways for a stack to begin, and the frames from the one that switches on;
    each switches as often as it likes.
    """

    def owner():
        local = Finalised(switch)  # noqa: F841

    first, second, left = (generator_of(switch) for _ in range(3))
    third = generator_of(functools.partial(next, iter(owner, switch)))
    for generator in (first, second, third, left, left):
        next(generator)

    def keywords(a=0, key=1):
        return switch()

    def from_c(*partials):
        return functools.partial(list, map(functools.partial.__call__, partials))

    def calls(*functions):
        for function in functions:
            function()

    def drop():
        left_here.pop().close()
        return 0

    left_here = [left]
    return {
        "a function": (lambda: switch(), ["leave", "<lambda>"]),
        "only what switches": (switch, ["leave"]),
        "a large frame": (functools.partial(large, switch), ["leave", "large"]),
        "a generator": (functools.partial(next, first), ["leave", "generator_of"]),
        "a generator after a function": (
            from_c(functools.partial(lambda: 0), functools.partial(next, second)),
            ["leave", "generator_of"],
        ),
        "keywords": (functools.partial(keywords, **{Name("key"): 2}), ["through_c", "__eq__"]),
        "keywords after a function": (
            functools.partial(calls, lambda: 0, functools.partial(keywords, **{Name("key"): 2})),
            ["through_c", "__eq__", "calls"],
        ),
        "keywords of a call from C after a function": (
            from_c(functools.partial(lambda: 0), functools.partial(keywords, **{Name("key"): 2})),
            ["through_c", "__eq__"],
        ),
        "a generator that calls what is being left": (functools.partial(next, third), None),
        "a generator that is closed": (drop, ["leave", "generator_of", "drop"]),
    }


@pytest.mark.parametrize("way", outermost_frames(lambda: None))
def test_the_outermost_frame_of_a_stack(way):
    main = getcurrent()
    kept = []

    def leave():
        main.switch()
        overwrite_stacks()

    run, expected = outermost_frames(leave)[way]
    each = greenlet(run)
    each.switch()
    while each:
        frame = each.gr_frame
        kept.append((frame, names(frame)))
        if len(kept) == 1 and expected is not None:
            assert kept[0][1] == expected
        check(kept[-1:])
        each.switch()
    assert kept


def test_a_generator_after_a_function_at_the_same_place_of_the_c_stack():
    """What the function left on the data stack leads to the very place where
    the generator's run has begun.
    """
    main = getcurrent()
    wrappers = [
        lambda call: call,
        lambda call: functools.partial(call),
        lambda call: functools.partial(next, iter(call, None)),
        lambda call: functools.partial(
            next, map(functools.partial.__call__, [functools.partial(call)])
        ),
        lambda call: functools.partial(functools.partial.__call__, functools.partial(call)),
        lambda call: functools.partial(all, iter(call, None)),
    ]
    for before, after in itertools.product(wrappers, wrappers):
        generator = generator_of(main.switch)
        next(generator)
        calls = [functools.partial(before(lambda: 0)), functools.partial(after(generator.__next__))]
        each = greenlet(functools.partial(list, map(functools.partial.__call__, calls)))
        each.switch()
        assert each
        while each:
            check([(each.gr_frame, ["generator_of"])])
            each.switch()


def test_generators_within_generators():
    main = getcurrent()

    def inner():
        yield main.switch(sys._getframe())

    def middle():
        yield from inner()

    def outer():
        yield from (value for value in middle())

    each = greenlet(lambda: list(outer()))
    frame = each.switch()
    check([(frame, ["inner", "middle", "<genexpr>", "outer", "<lambda>"])])
    assert each.switch("value") == ["value"]


def test_a_coroutine_that_runs_in_a_suspended_greenlet():
    main = getcurrent()

    async def inner():
        return main.switch(sys._getframe())

    async def outer():
        return await inner()

    def run():
        coroutine = outer()
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value

    each = greenlet(run)
    frame = each.switch()
    check([(frame, ["inner", "outer", "run"])])
    assert each.switch("result") == "result"


def test_the_traceback_of_an_exception_that_a_suspended_greenlet_handles():
    main = getcurrent()
    caught = []

    def fail():
        raise LookupError("here")

    def run():
        try:
            through_c(fail)
        except LookupError as exception:
            caught.append(exception)
            main.switch()
            raise

    each = greenlet(run)
    each.switch()
    frames = [frame for frame, _ in traceback.walk_tb(caught[0].__traceback__)]
    assert [frame.f_code.co_name for frame in frames] == ["run", "through_c", "fail"]
    chains = [(frames[n], ["fail", "through_c", "run"][-1 - n :]) for n in range(3)]
    check(chains)
    with pytest.raises(LookupError, match="here"):
        each.switch()
    check(chains[1:])


def test_destructors_of_the_locals_of_a_call_from_c():
    """While they run, the frame of that call is no frame any more."""
    main = getcurrent()
    kept = []

    def leave():
        kept.append(sys._getframe())
        main.switch()

    def owner():
        local = Finalised(leave)  # noqa: F841
        return 5

    for function, rest in ((owner, []), (lambda: through_c(owner), ["through_c", "<lambda>"])):
        each = greenlet(function)
        each.switch()
        frame = kept.pop()
        expected = ["leave", "__del__", *(["owner"] if "owner" in names(frame) else []), *rest]
        check([(frame, expected), (each.gr_frame, expected)])
        assert each.switch() == 5


def test_switches_by_a_builtin_destructor():
    """A greenlet that is killed while the frame of a call from C is cleared:
    no frame is its killer's innermost.
    """
    main = getcurrent()
    kept = []

    def victim():
        try:
            main.switch()
        except GreenletExit:
            kept.append(names(killer.gr_frame))
            overwrite_stacks()
            kept.append(names(killer.gr_frame))
            raise

    def drop(suspended):
        suspended.pop()
        return 5

    def keep(suspended):
        local = suspended.pop()  # noqa: F841
        return 5

    for function in (drop, keep):
        suspended = [greenlet(victim)]
        suspended[0].switch()
        called = functools.partial(function, suspended)
        killer = greenlet(lambda called=called: through_c(called))
        assert killer.switch() == 5
        before, after = kept
        assert before == after
        assert before[-2:] == ["through_c", "<lambda>"]
        kept.clear()


def test_frames_outlive_their_greenlet():
    main = getcurrent()
    kept = []

    def inner():
        kept.append(sys._getframe())
        main.switch()

    def outer():
        through_c(inner)

    expected = ["inner", "through_c", "outer"]
    for end in ("return", "kill"):
        each = greenlet(outer)
        each.switch()
        check([(kept[0], expected)])
        if end == "return":
            each.switch()
        else:
            del each
            gc.collect()
        check([(kept.pop(), expected)])


def test_frames_outlive_their_thread():
    kept = []

    def inner():
        kept.append(sys._getframe())
        getcurrent().parent.switch()

    def body():
        kept.append(greenlet(lambda: through_c(inner)))
        kept[0].switch()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    each, frame = kept
    expected = ["inner", "through_c", "<lambda>"]
    check([(frame, expected)])
    del each, kept[0]
    check([(frame, expected)])


test_frames_outlive_their_thread = pytest.mark.leaks("the frames that somebody holds")(
    test_frames_outlive_their_thread
)


def test_frames_seen_from_another_thread():
    main = getcurrent()
    seen = []
    each = greenlet(lambda: through_c(main.switch))
    each.switch()

    def look():
        seen.extend(
            (names(each.gr_frame), names(sys._current_frames()[threading.main_thread().ident]))
        )

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    suspended, running = seen
    assert suspended == ["through_c", "<lambda>"]
    assert "test_frames_seen_from_another_thread" in running
    each.switch()


def test_the_frame_of_a_suspended_greenlet_cannot_be_cleared():
    main = getcurrent()

    def run(value):
        main.switch()
        return value

    each = greenlet(run)
    each.switch(5)
    for frame in (each.gr_frame, sys._getframe()):
        with pytest.raises(RuntimeError, match=r"cannot clear an? (executing|suspended) frame"):
            frame.clear()
    assert each.switch() == 5


def test_a_switch_that_is_refused_leaves_the_frames_as_they_are():
    from switchlib import _switch

    main = getcurrent()

    def run(levels):
        if levels:
            return through_c(lambda: run(levels - 1))
        try:
            _switch.lib.stack_fail_allocation = 1
            main.switch()
        except MemoryError:
            pass
        finally:
            _switch.lib.stack_fail_allocation = 0
        return names(sys._getframe())

    assert greenlet(run).switch(2) == ["run", *["<lambda>", "through_c", "run"] * 2]


def test_frames_of_many_depths_in_turn():
    """Chains grow and shrink between switches, through C and not;
    each is as its greenlet would see it.
    """
    main = getcurrent()

    def run(plan):
        for depth, in_c in plan:
            descend(depth, in_c)
        return "done"

    def descend(depth, in_c):
        if depth:
            return through_c(lambda: descend(depth - 1, in_c)) if in_c else descend(depth - 1, in_c)
        return main.switch(names(sys._getframe()))

    plans = [[((n * k) % 7, (n + k) % 2) for n in range(6)] for k in range(1, 6)]
    each = [greenlet(run) for _ in plans]
    seen = [g.switch(plan) for g, plan in zip(each, plans, strict=True)]
    while any(each):
        for n, g in enumerate(each):
            if g:
                assert names(g.gr_frame) == seen[n]
                seen[n] = g.switch()
    assert seen == ["done"] * len(each)
