"""Suspended greenlets that only their own frames keep alive:
one of each kind of cycle that holds them.

Each kind is a function that suspends a greenlet, or two, and returns nothing: all that is left is
the cycle. A greenlet adds to `ended` in its last `finally` block. A kind says of how many
greenlets it consists, and on which CPythons they are not found: csrc/tstate/stack_floor.h has
what is seen of evaluation stacks.
"""

from __future__ import annotations

import contextvars
import gc
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from switchlib import getcurrent, greenlet
from tests.settings import JIT

Ended = list[str]


class Tagged(greenlet):
    """A class of their own, by which those that are left are found."""


@dataclass(frozen=True)
class Kind:
    make: Callable[[Ended], None]
    greenlets: int = 1
    not_found_on: frozenset[int] = frozenset()  # minor versions of CPython
    on_stack: bool = (
        False  # whether an evaluation stack has it, which is not looked at where there is a JIT
    )

    @property
    def name(self) -> str:
        return self.make.__name__.replace("_", " ")

    @property
    def is_found_here(self) -> bool:
        return sys.implementation.name == "pypy" or not (
            sys.version_info.minor in self.not_found_on or (self.on_stack and JIT)
        )


EVERYWHERE = range(100)
KINDS: list[Kind] = []


def kind(
    greenlets: int = 1, not_found_on: Iterable[int] = (), on_stack: bool = False
) -> Callable[[Callable[[Ended], None]], Callable[[Ended], None]]:
    def add(make: Callable[[Ended], None]) -> Callable[[Ended], None]:
        KINDS.append(Kind(make, greenlets, frozenset(not_found_on), on_stack))
        return make

    return add


def how_many() -> int:
    """How many of them there are, dead or alive. (PyPy takes long to find out.)"""
    return sum(isinstance(each, Tagged) for each in gc.get_objects())


def wait(ended: Ended) -> None:
    """Goes back to the parent, for ever."""
    try:
        getcurrent().parent.switch()
    finally:
        ended.append("ended")


class Holder:
    """What holds a greenlet without its frames' help."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __enter__(self) -> None: ...

    def __exit__(self, *exception: object) -> None: ...

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        return 0


@kind()
def a_local_variable(ended: Ended) -> None:
    def run() -> None:
        me = getcurrent()  # noqa: F841
        wait(ended)

    Tagged(run).switch()


@kind()
def an_argument(ended: Ended) -> None:
    def run(me: greenlet) -> None:
        wait(ended)

    each = Tagged(run)
    each.switch(each)


@kind()
def a_closure(ended: Ended) -> None:
    def run() -> None:
        wait(ended)
        assert me

    me = Tagged(run)
    me.switch()


@kind()
def a_cell_variable(ended: Ended) -> None:
    def run() -> None:
        me = getcurrent()
        see = lambda: me  # noqa: E731
        del see
        wait(ended)

    Tagged(run).switch()


@kind()
def deep_calls(ended: Ended) -> None:
    def run(depth: int) -> None:
        me = getcurrent() if depth == 40 else None  # noqa: F841
        if depth:
            run(depth - 1)
        else:
            wait(ended)

    Tagged(run).switch(50)


@kind()
def a_call_through_C(ended: Ended) -> None:  # noqa: N802
    def run() -> None:
        me = getcurrent()  # noqa: F841
        sorted([1], key=lambda _: wait(ended))

    Tagged(run).switch()


@kind()
def below_a_call_through_C(ended: Ended) -> None:  # noqa: N802
    def key(_: int) -> None:
        me = getcurrent()  # noqa: F841
        wait(ended)

    Tagged(lambda: sorted([1], key=key)).switch()


@kind()
def a_method_that_C_calls(ended: Ended) -> None:  # noqa: N802
    class Equal:
        def __eq__(self, other: object) -> bool:
            me = getcurrent()  # noqa: F841
            wait(ended)
            return True

    Tagged(lambda: Equal() in [Equal()]).switch()


@kind()
def an_exception_with_its_traceback(ended: Ended) -> None:
    def run() -> None:
        me = getcurrent()
        try:
            raise ValueError(me)
        except ValueError as raised:
            kept = raised
        del me
        wait(ended)
        assert kept

    Tagged(run).switch()


@kind()
def an_exception_that_is_handled(ended: Ended) -> None:
    def fail() -> None:
        me = getcurrent()  # noqa: F841
        raise ValueError

    def run() -> None:
        try:
            fail()
        except ValueError:
            wait(ended)

    Tagged(run).switch()


@kind()
def a_bound_method(ended: Ended) -> None:
    class Task:
        def __init__(self) -> None:
            self.greenlet = Tagged(self.run)

        def run(self) -> None:
            wait(ended)

    Task().greenlet.switch()


@kind()
def a_default_argument(ended: Ended) -> None:
    def run(held: list[greenlet] = []) -> None:  # noqa: B006
        held.append(getcurrent())
        del held
        wait(ended)

    Tagged(run).switch()


def generate_and_wait(ended: Ended) -> Generator[None, None, None]:
    me = getcurrent()  # noqa: F841
    yield
    try:
        getcurrent().parent.switch()
    finally:
        ended.append("ended")


@kind(on_stack=True)
def a_generator(ended: Ended) -> None:
    def run() -> None:
        for _ in generate_and_wait(ended):
            pass

    Tagged(run).switch()


@kind(not_found_on=(11,), on_stack=True)
def a_generator_that_makes_a_call(ended: Ended) -> None:
    def generate() -> Iterator[None]:
        me = getcurrent()  # noqa: F841
        yield
        wait(ended)

    def run() -> None:
        for _ in generate():
            pass

    Tagged(run).switch()


@kind(not_found_on=(10, 14, 15), on_stack=True)
def a_generator_that_C_runs(ended: Ended) -> None:  # noqa: N802
    """On these it is the generator that owns what its frame has,
    and what C code refers to is not seen.
    """
    Tagged(lambda: list(generate_and_wait(ended))).switch()


@kind()
def a_suspended_generator(ended: Ended) -> None:
    def generate(held: Any) -> Iterator[None]:
        yield
        assert held

    def run() -> None:
        generator = generate(getcurrent())
        next(generator)
        wait(ended)

    Tagged(run).switch()


@kind(on_stack=True)
def generators_with_yield_from(ended: Ended) -> None:
    def outer() -> Generator[None, None, None]:
        yield from generate_and_wait(ended)

    def run() -> None:
        for _ in outer():
            pass

    Tagged(run).switch()


@kind(not_found_on=(14, 15), on_stack=True)
def coroutines(ended: Ended) -> None:
    async def inner() -> None:
        me = getcurrent()  # noqa: F841
        try:
            getcurrent().parent.switch()
        finally:
            ended.append("ended")

    async def outer() -> None:
        await inner()

    Tagged(lambda: outer().send(None)).switch()


@kind(not_found_on=(10, 14, 15))
def an_asynchronous_generator(ended: Ended) -> None:
    async def generate() -> Any:
        me = getcurrent()  # noqa: F841
        try:
            getcurrent().parent.switch()
        finally:
            ended.append("ended")
        yield

    async def run() -> None:
        async for _ in generate():
            pass

    Tagged(lambda: run().send(None)).switch()


@kind(not_found_on=EVERYWHERE)
def code_run_by_exec(ended: Ended) -> None:
    """exec, in C, has a reference to it, which nothing can see."""
    code = "me = getcurrent()\nwait(ended)"
    namespace = {"ended": ended}
    Tagged(lambda: exec(code, {"getcurrent": getcurrent, "wait": wait}, namespace.copy())).switch()


@kind(not_found_on=EVERYWHERE)
def the_body_of_a_class(ended: Ended) -> None:
    """So has what makes classes."""

    def run() -> None:
        class Body:
            me = getcurrent()
            wait(ended)

    Tagged(run).switch()


@kind(not_found_on=(10,), on_stack=True)
def a_comprehension(ended: Ended) -> None:
    Tagged(lambda: [wait(ended) for me in [getcurrent()]]).switch()


@kind()
def a_frame_object(ended: Ended) -> None:
    def run() -> None:
        frame = sys._getframe()  # noqa: F841
        me = getcurrent()  # noqa: F841
        wait(ended)

    Tagged(run).switch()


@kind()
def a_context_variable(ended: Ended) -> None:
    variable: contextvars.ContextVar[greenlet] = contextvars.ContextVar("variable")

    def run() -> None:
        variable.set(getcurrent())
        wait(ended)

    Tagged(run).switch()


@kind()
def an_attribute(ended: Ended) -> None:
    each = Tagged(lambda: wait(ended))
    each.me = each
    each.switch()


@kind(greenlets=2)
def two_greenlets(ended: Ended) -> None:
    def run(other: greenlet) -> None:
        wait(ended)

    one, two = Tagged(run), Tagged(run)
    one.switch(two)
    two.switch(one)


@kind(greenlets=2, not_found_on=(10, 11, 12, 13))
def parent_and_child(ended: Ended) -> None:
    main = getcurrent()

    def child() -> None:
        try:
            main.switch()
        finally:
            ended.append("ended")

    def run() -> None:
        below = Tagged(child)
        try:
            below.switch()
        finally:
            ended.append("ended")

    Tagged(run).switch()


@kind(on_stack=True)
def an_iterator(ended: Ended) -> None:
    def run() -> None:
        for _ in Holder(getcurrent()):
            try:
                getcurrent().parent.switch()
            finally:
                ended.append("ended")

    Tagged(run).switch()


@kind(not_found_on=(11, 12, 13), on_stack=True)
def an_iterator_without_a_try(ended: Ended) -> None:
    """There, nothing says whether its frame is being unwound, and the iterator may be gone."""

    def loop() -> None:
        for _ in Holder(getcurrent()):
            getcurrent().parent.switch()

    def run() -> None:
        try:
            loop()
        finally:
            ended.append("ended")

    Tagged(run).switch()


@kind(on_stack=True)
def an_iterator_in_a_caller(ended: Ended) -> None:
    def run() -> None:
        for _ in Holder(getcurrent()):
            wait(ended)

    Tagged(run).switch()


@kind(on_stack=True)
def a_with_block(ended: Ended) -> None:
    def run() -> None:
        with Holder(getcurrent()):
            wait(ended)

    Tagged(run).switch()


@kind(on_stack=True)
def an_argument_already_evaluated(ended: Ended) -> None:
    def run() -> None:
        print(getcurrent(), wait(ended))

    Tagged(run).switch()
