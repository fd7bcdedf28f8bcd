"""What the collector sees of a suspended greenlet: each reference that its frames own, once, and no other.

A program runs in a greenlet, puts fresh objects into its frames, and leaves. Each of these must then have as many
references as are visited, by the greenlet itself and by the containers that the program names. Where CPython does not
record how deep an evaluation stack is, what lies there must not be visited at all.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import pytest

from switchlib import GreenletExit, getcurrent, greenlet

pytestmark = pytest.mark.cpython("it sees for itself what is in stacks")

VERSION = sys.version_info[:2]

# So often is each program run: the first instructions are not specialised by the interpreter, the last are.
ROUNDS = 20

# Where an object lies besides: on the evaluation stack of a frame that calls a function of Python, or of C, or either,
# as the interpreter pleases.
Stack = Literal["calls Python", "calls C", "calls either"]


class Fresh:
    """An object that only frames refer to, and the test itself. A loop may go through it."""

    def __iter__(self):
        return self

    def __next__(self):
        return None


class World:
    """What a program puts where, and how it leaves."""

    def __init__(self) -> None:
        main = getcurrent()
        self.objects: dict[str, Any] = {}
        self.stacks: dict[str, Stack] = {}
        self.containers: list[Any] = []  # what is visited besides the greenlet
        self.leave_from_c: Callable[..., Any] = main.switch

    def leave(self) -> None:
        self.leave_from_c()

    def new(self, name: str, made: Any = None, stack: Stack | None = None) -> Any:
        made = Fresh() if made is None else made
        self.objects[name] = made
        if stack is not None:
            self.stacks[name] = stack
        return made

    def has(self, container: Any) -> Any:
        """Something that visits what it has itself, as generators do on some versions."""
        self.containers.append(container)
        if VERSION < (3, 11):
            frames = (getattr(container, name, None) for name in ("gi_frame", "cr_frame", "ag_frame"))
            self.containers.extend(frame for frame in frames if frame is not None)
        return container

    def references(self) -> dict[str, int]:
        """How often each object is referred to, but for what this has."""
        calibration = {"": object()}
        (own,) = [sys.getrefcount(made) for made in calibration.values()]
        counts = [sys.getrefcount(made) for made in self.objects.values()]
        contained = Counter(map(id, self.containers))
        ids = map(id, self.objects.values())
        return {name: count - own - contained[i] for name, count, i in zip(self.objects, counts, ids, strict=True)}

    def visits(self, suspended: greenlet) -> dict[str, int]:
        containers = {id(each): each for each in [suspended, *self.containers]}
        visits = Counter(id(each) for container in containers.values() for each in gc.get_referents(container))
        return {name: visits[id(made)] for name, made in self.objects.items()}

    def check(self, suspended: greenlet) -> None:
        references, visits = self.references(), self.visits(suspended)
        for name, count in references.items():
            assert count > 0
            allowed = {count}
            stack = self.stacks.get(name)
            if stack is not None and (VERSION < (3, 11) or (VERSION < (3, 14) and stack != "calls Python")):
                allowed = {count - 1} | (allowed if stack == "calls either" else set())
            assert visits[name] in allowed, (name, count, visits[name])

    def end(self, suspended: greenlet) -> None:
        self.leave_from_c = lambda: None
        self.objects.clear()
        self.containers.clear()
        with contextlib.suppress(LookupError):
            suspended.throw()
        assert suspended.dead


PROGRAMS: list[Callable[[World], object]] = []


def program(function: Callable[[World], object]) -> Callable[[World], object]:
    PROGRAMS.append(function)
    return function


def through_c(function: Callable[..., object], *args: object) -> object:
    return functools.partial(function, *args)()


def pair(first: object, second: object) -> None:
    pass


# ------------------------------------------------------------------------------------------------------ locals


@program
def local(w):
    x = y = w.new("local")  # noqa: F841
    w.leave_from_c()


@program
def locals_of_calls(w):
    x = w.new("outer")  # noqa: F841

    def inner(y):
        z = w.new("inner")  # noqa: F841
        w.leave()

    inner(w.new("argument", stack="calls Python"))


@program
def locals_of_many_calls(w):
    def descend(levels):
        x = w.new(f"level {levels}")  # noqa: F841
        if levels == 0:
            w.leave_from_c()
        elif levels % 3 == 0:
            through_c(descend, levels - 1)
        else:
            descend(levels - 1)

    descend(9)


@program
def local_that_was_replaced(w):
    x = w.new("first")
    x = w.new("second")  # noqa: F841
    del w.objects["first"]
    w.leave_from_c()


@program
def arguments(w):
    def function(a, /, b, *args, c, **kwargs):
        w.has(args)
        w.has(kwargs)
        w.leave_from_c()

    made = {name: w.new(name, stack="calls Python") for name in ("a", "b", "in args", "c", "in kwargs")}
    function(made.pop("a"), made.pop("b"), made.pop("in args"), c=made.pop("c"), d=made.pop("in kwargs"))


@program
def cells(w):
    x = w.new("in a cell")

    def inner():
        w.leave_from_c()
        return x

    w.has(inner.__closure__)
    for number, each in enumerate(inner.__closure__):
        w.new(f"cell {number}", w.has(each))
    w.leave() if x is None else inner()


@program
def cell_of_an_argument(w):
    def outer(x):
        w.has((lambda: x).__closure__[0])
        w.leave_from_c()

    outer(w.new("argument", stack="calls Python"))


@program
def bound_method(w):
    class Owner:
        def method(self, x):
            w.leave_from_c()

    w.new("owner", Owner(), "calls Python").method(w.new("argument", stack="calls Python"))


@program
def constructor(w):
    class Made:
        def __init__(self):
            x = w.new("local")  # noqa: F841
            w.leave()

    Made()


@program
def class_body(w):
    class Body:
        x = w.new("in a class")
        w.has(locals())
        w.leave_from_c()


@program
def executed_code(w):
    namespace = w.has({"w": w})
    exec("x = w.new('in a namespace')\nw.leave_from_c()", namespace)


@program
def executed_code_with_a_mapping(w):
    class Mapping(dict):
        pass

    exec("x = w.new('in a mapping')\nw.leave_from_c()", {"w": w}, w.has(Mapping()))


@program
def comprehension(w):
    [w.leave() for x in w.has([w.new("item")]) for y in w.has([w.new("other item")])]


# ----------------------------------------------------------------------------------------- evaluation stacks


@program
def iterator_of_a_loop(w):
    for _ in w.new("iterator", stack="calls Python"):
        w.leave()


@program
def iterator_of_a_loop_that_calls_c(w):
    for _ in w.new("iterator", stack="calls C"):
        w.leave_from_c()


@program
def operand(w):
    pair(w.new("operand", stack="calls Python"), w.leave())


@program
def operand_while_c_runs(w):
    pair(w.new("operand", stack="calls C"), w.leave_from_c())


class Container:
    def __init__(self, w):
        self.w = w

    def __getitem__(self, key):
        self.w.leave_from_c()

    @property
    def attribute(self):
        self.w.leave_from_c()


@program
def operand_before_a_subscript(w):
    pair(w.new("operand", stack="calls either"), Container(w)[0])


@program
def operand_before_a_property(w):
    pair(w.new("operand", stack="calls either"), Container(w).attribute)


class Returns:
    """A descriptor that returns an object of the program."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __get__(self, instance, owner):
        return self.value


class Callee:
    def __call__(self, *args):
        return None


@program
def exit_of_a_context(w):
    class Manager:
        __enter__ = Returns(Callee())
        __exit__ = Returns(w.new("exit", Callee(), "calls Python"))

    w.has(vars(Manager)["__exit__"])
    with Manager():
        w.leave()


# ---------------------------------------------------------------------------------------------- calls from C


@program
def comparison(w):
    class Key:
        def __eq__(self, other):
            x = w.new("local")  # noqa: F841
            w.leave_from_c()
            return True

    [Key()].index(0)


@program
def sort(w):
    def key(item):
        x = w.new("local")  # noqa: F841
        w.leave()
        return 1

    sorted([1], key=key)


class Leaves(Fresh):
    def __init__(self, w):
        self.w = w

    def __del__(self):
        x = self.w.new("local of __del__")  # noqa: F841
        with contextlib.suppress(GreenletExit):
            self.w.leave_from_c()


@program
def destructor(w):
    before, leaves, after = w.new("before"), Leaves(w), w.new("after")
    del leaves
    return before, after


@program
def destructor_of_what_is_replaced(w):
    x = Leaves(w)
    x = w.new("in its place")  # noqa: F841


@program
def destructor_of_a_local_at_the_end(w):
    def owner():
        leaves = Leaves(w)  # noqa: F841

    x = w.new("caller's")  # noqa: F841
    owner()


@program
def destructor_of_an_operand_in_unwinding(w):
    def fail():
        raise LookupError

    x = w.new("local")  # noqa: F841
    for _ in w.new("stays", stack="calls C"):
        try:
            pair(Leaves(w), fail())
        except LookupError:
            break


# ------------------------------------------------------------------------------------------------ exceptions


@program
def exception_that_is_handled(w):
    try:
        raise w.new("exception", LookupError())
    except LookupError:
        w.leave()


@program
def exception_that_is_passed_on(w):
    try:
        raise w.new("exception", LookupError(), "calls Python")
    finally:
        w.leave()


@program
def exception_with_a_name(w):
    try:
        raise w.new("exception", LookupError())
    except LookupError as error:  # noqa: F841
        w.leave()


@program
def frame_in_a_traceback(w):
    x = w.new("local")  # noqa: F841
    try:
        raise LookupError
    except LookupError as error:
        traceback = w.has(error.__traceback__)
        if VERSION >= (3, 11):
            w.new("frame", traceback.tb_frame)
        w.leave()


@program
def frame_that_is_left(w):
    def fail():
        x = w.new("local")  # noqa: F841
        w.has(sys._getframe())
        raise LookupError

    with contextlib.suppress(LookupError):
        through_c(fail)
    w.leave()


# ------------------------------------------------------------------------------------------------ generators


@program
def generator(w):
    def numbers():
        x = w.new("local")  # noqa: F841
        pair(w.new("operand", stack="calls C"), w.leave_from_c())
        yield 1

    for _ in w.has(numbers()):
        break


@program
def generator_that_calls(w):
    def numbers():
        x = w.new("local")  # noqa: F841
        pair(w.new("operand", stack="calls Python"), w.leave())
        yield 1

    for _ in w.has(numbers()):
        break


@program
def generator_that_c_resumes(w):
    def numbers():
        x = w.new("local")  # noqa: F841
        yield 1
        y = w.new("second local")  # noqa: F841
        w.leave_from_c()
        yield 2

    list(w.has(numbers()))


@program
def generators_in_generators(w):
    def inner():
        x = w.new("inner local")  # noqa: F841
        w.leave_from_c()
        yield 1

    def outer():
        x = w.new("outer local")  # noqa: F841
        yield from w.has(inner())

    for _ in w.has(outer()):
        break


@program
def generator_that_is_thrown_into(w):
    def inner():
        x = w.new("inner local")  # noqa: F841
        try:
            yield 1
        except LookupError:
            w.leave_from_c()
            yield 2

    def outer():
        x = w.new("outer local")  # noqa: F841
        yield from w.has(inner())

    steps = w.has(outer())
    next(steps)
    steps.throw(LookupError())


@program
def generator_that_is_closed(w):
    def numbers():
        x = w.new("local")  # noqa: F841
        try:
            yield 1
        finally:
            w.leave_from_c()

    steps = w.has(numbers())
    next(steps)
    steps.close()


@program
def coroutine(w):
    def numbers():
        x = w.new("local of a generator")  # noqa: F841
        w.leave_from_c()
        yield

    class Awaitable:
        def __await__(self):
            return w.has(numbers())

    async def inner():
        x = w.new("inner local")  # noqa: F841
        await Awaitable()

    async def outer():
        x = w.new("outer local")  # noqa: F841
        await w.has(inner())

    w.has(outer()).send(None)


@program
def asynchronous_generator(w):
    async def numbers():
        x = w.new("local")  # noqa: F841
        w.leave_from_c()
        yield 1

    async def run(steps):
        x = w.new("local of a coroutine")  # noqa: F841
        async for _ in steps:
            pass

    w.has(run(w.has(numbers()))).send(None)


# ---------------------------------------------------------------------------------------------------- checks


@pytest.mark.parametrize("leaves", PROGRAMS, ids=lambda each: each.__name__)
def test_each_reference_of_a_frame_is_visited_once(leaves):
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            world = World()
            each = greenlet(leaves)
            each.switch(world)
            assert each
            assert world.objects
            world.check(each)
            world.end(each)
    finally:
        if enabled:
            gc.enable()


def test_all_that_is_visited():
    """Of the greenlet its class, parent and run, of the frame its function, code and locals."""
    main, switch, made = getcurrent(), getcurrent().switch, Fresh()

    def run(leave, made):
        copy = made  # noqa: F841
        leave()

    each = greenlet(run)
    each.switch(switch, made)
    of_frame = [run.__code__, __builtins__, globals()] if VERSION < (3, 11) else [run, run.__code__]
    expected = [type(each), main, run, *of_frame, switch, made, made]
    # Together with run the mechanism may own its arguments.
    visited = [run if isinstance(other, tuple) and other[0] is run else other for other in gc.get_referents(each)]
    assert sorted(map(id, visited)) == sorted(map(id, expected))


def test_nothing_is_visited_of_what_runs():
    each = greenlet(lambda made: [type(other) for other in gc.get_referents(getcurrent())])
    assert Fresh not in each.switch(Fresh())
    main = getcurrent()
    local = Fresh()
    assert local not in gc.get_referents(main)
    assert local in greenlet(lambda: gc.get_referents(main)).switch()


def test_nothing_is_visited_of_what_is_dead_or_has_not_begun():
    each = greenlet(lambda made: None)
    assert {type(other) for other in gc.get_referents(each)} <= {type, greenlet, type(lambda: 0)}
    each.switch(Fresh())
    assert {type(other) for other in gc.get_referents(each)} <= {type, greenlet}
