"""What the files here share: the ways to use greenlets, and a way to strike at each place.

An action is a way to use greenlets, with what comes of it. A fault is let loose at the first place
where it can strike, then at the second, until an action has met it at every one.
"""

from __future__ import annotations

import functools
import operator
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from switchlib import GreenletExit, getcurrent, greenlet
from switchlib import _greenlet as policy

pytest.importorskip("switchlib._switch", reason="it tests the mechanism in C")

testcapi = pytest.importorskip("_testcapi", reason="CPython's own test modules are not installed")
try:
    order_pending_call = testcapi._pending_threadfunc
except AttributeError:
    import _testinternalcapi

    order_pending_call = _testinternalcapi.pending_threadfunc


# -------------------------------------------------------------------------------------- the actions


class Thrown(Exception):
    pass


NO_MEMORY = "no memory"  # for what was thrown
memory_comes_back = testcapi.remove_mem_hooks  # to call a Python function might take some


def answer(*args: Any, **kwargs: Any) -> None:
    """Gives back what it gets and what is raised in it.

    An interrupt or a lack of memory does not end it.
    """
    main = getcurrent().parent
    value: Any = (args, kwargs)
    while True:
        try:
            value = main.switch(value)
        except KeyboardInterrupt:
            continue
        except MemoryError:
            memory_comes_back()
            value = NO_MEMORY
        except Thrown as exception:
            value = exception


@dataclass
class Action:
    """`make` gets a case ready and returns what is to be called with a fault about,
    and what must come of it.
    """

    make: Callable[[], tuple[Callable[[], Any], Any]]
    again: bool = True  # an action that was interrupted has changed nothing and may be done again


suspended_ones: weakref.WeakSet[greenlet] = weakref.WeakSet()


def suspended() -> greenlet:
    each = greenlet(answer)
    each.switch()
    suspended_ones.add(each)
    return each


def dead() -> greenlet:
    each = greenlet(lambda: None)
    each.switch()
    return each


def switch_with_one() -> tuple[Callable[[], Any], Any]:
    each = suspended()
    return lambda: each.switch(1), 1


def switch_with_many() -> tuple[Callable[[], Any], Any]:
    each = suspended()
    return lambda: each.switch(1, 2, 3), (1, 2, 3)


def switch_with_keywords() -> tuple[Callable[[], Any], Any]:
    each = suspended()
    return lambda: each.switch(1, 2, 3, 4, 5, 6, 7, a=8), ((1, 2, 3, 4, 5, 6, 7), {"a": 8})


def switch_to_what_stood_when_tracing_began() -> tuple[Callable[[], Any], Any]:
    """From CPython 3.13 on its code is instrumented at the switch,
    which takes memory once for each code.
    """
    each, tracer = (
        greenlet(types.FunctionType(answer.__code__.replace(), globals())),
        sys.gettrace(),
    )
    each.switch()
    sys.settrace(lambda *event: None)
    sys.settrace(tracer)
    return lambda: each.switch(1), 1


def switch_to_the_dead() -> tuple[Callable[[], Any], Any]:
    each = dead()
    return lambda: each.switch(5), 5


def switch_to_oneself() -> tuple[Callable[[], Any], Any]:
    return lambda: getcurrent().switch(6), 6


def throw_a_class() -> tuple[Callable[[], Any], Any]:
    each = suspended()
    return lambda: type(each.throw(Thrown)), Thrown


def throw_an_instance() -> tuple[Callable[[], Any], Any]:
    each, exception = suspended(), Thrown()
    return lambda: each.throw(exception), exception


def throw_into_the_dead() -> tuple[Callable[[], Any], Any]:
    each = dead()

    def act() -> Any:
        try:
            return each.throw(Thrown)
        except Thrown:
            return "raised"

    return act, "raised"


def throw_exit_into_the_dead() -> tuple[Callable[[], Any], Any]:
    each = dead()
    return lambda: type(each.throw()), GreenletExit


def start() -> tuple[Callable[[], Any], Any]:
    each = greenlet(answer)
    return lambda: each.switch(1, a=2) if not each else "started", ((1,), {"a": 2})


def start_plainly() -> tuple[Callable[[], Any], Any]:
    main = getcurrent()
    each = greenlet(lambda value: main.switch(value))
    return lambda: each.switch(7), 7


def throw_into_the_unstarted() -> tuple[Callable[[], Any], Any]:
    each = greenlet(lambda: None)

    def act() -> Any:
        try:
            return each.throw(Thrown)
        except Thrown:
            return each.dead

    return act, True


def end_with_a_result() -> tuple[Callable[[], Any], Any]:
    each = greenlet(lambda: "result")
    return each.switch, "result"


def end_with_an_exception() -> tuple[Callable[[], Any], Any]:
    def run() -> None:
        raise Thrown

    each = greenlet(run)

    def act() -> Any:
        try:
            return each.switch()
        except Thrown:
            return "raised"

    return act, "raised"


def end_past_the_dead_into_the_unstarted() -> tuple[Callable[[], Any], Any]:
    heir = greenlet(lambda value: ("heir", value))
    each = greenlet(lambda: "result", greenlet(lambda: None, heir))
    each.parent.parent = getcurrent()
    each.parent.switch()
    each.parent.parent = heir
    return each.switch, ("heir", "result")


def create() -> tuple[Callable[[], Any], Any]:
    def act() -> Any:
        each = greenlet(run=None, parent=getcurrent())
        each.run = len
        each.parent = greenlet()
        each.gr_context = None
        return each.run

    return act, len


def kill() -> tuple[Callable[[], Any], Any]:
    main, ended = getcurrent(), []

    def run() -> None:
        try:
            main.switch()
        finally:
            ended.append("ended")

    box = [greenlet(run)]
    box[0].switch()

    def act() -> Any:
        box.clear()
        getcurrent()
        return ended.copy()

    return act, ["ended"]


ACTIONS = {
    function.__name__: Action(function, again)
    for function, again in [
        (switch_with_one, True),
        (switch_with_many, True),
        (switch_with_keywords, True),
        (switch_to_what_stood_when_tracing_began, True),
        (switch_to_the_dead, True),
        (switch_to_oneself, True),
        (throw_a_class, True),
        (throw_an_instance, True),
        (throw_into_the_dead, True),
        (throw_exit_into_the_dead, True),
        (start, True),
        (start_plainly, True),
        (throw_into_the_unstarted, False),
        (end_with_a_result, False),
        (end_with_an_exception, False),
        (end_past_the_dead_into_the_unstarted, False),
        (create, True),
        (kill, True),
    ]
}
every_action = pytest.mark.parametrize("name", ACTIONS)

# ---------------------------------------------------------- between any two bytecodes of the policy


@dataclass
class Striking:
    """Calls `fault` at the number-th place in policy where the interpreter looks
    whether something else is to be done.

    It looks there by way of a pending call that orders the next one.
    One look makes up to 32 pending calls.
    """

    fault: Callable[[], None]
    number: int
    seen: int = 0
    struck: bool = False
    place: Any = None
    steps: list[Callable[[], int]] = field(default_factory=list)

    def look(self) -> int:
        frame = sys._getframe(1)
        if frame.f_code.co_filename == policy.__file__:
            if (id(frame), frame.f_lasti) != self.place:
                self.place = id(frame), frame.f_lasti
                if self.seen == self.number:
                    self.struck = True
                    self.end()
                    self.fault()
                self.seen += 1
        else:
            self.place = None
        return 0

    def __enter__(self) -> Striking:
        # One call in C does both steps: would Python code run after the order, within the
        # pending call, the interpreter would look whether to make it, see that it is making
        # calls, and from 3.13 on forget it.
        steps_in_turn = functools.partial(max, self.steps, key=operator.methodcaller("__call__"))
        order = functools.partial(order_pending_call, steps_in_turn)
        self.steps += [self.look, order]
        order()
        return self

    def end(self) -> None:
        """The last call may still come, but orders no other."""
        del self.steps[1:]

    def __exit__(self, *raised: object) -> None:
        self.end()


def strike(
    fault: Callable[[], None], action: Action
) -> Iterator[tuple[Any, Any, Callable[[], Any]]]:
    """What comes of the action with the fault at each place in turn."""
    for number in range(10_000):
        act, expected = action.make()
        with Striking(fault, number) as striking:
            try:
                outcome = act()
            except BaseException as exception:
                outcome = exception.with_traceback(
                    None
                )  # which would hold this frame, and that the outcome
        if not striking.struck:
            assert outcome == expected
            return
        yield outcome, expected, act
    raise AssertionError("there is no end of places")


def chain_of(exception: BaseException | None) -> list[type[BaseException]]:
    """The exception's type and those of its contexts."""
    found = []
    while exception is not None:
        found.append(type(exception))
        exception = exception.__context__
    return found
