"""What the collector sees of a suspended greenlet: each reference that its frames own, once,
and no other.

A program runs in a greenlet, puts fresh objects into its frames, and leaves. Each of these must
then have as many references as are visited, by the greenlet itself and by the containers that
the program names. Where CPython does not record how deep an evaluation stack is, what lies
there must not be visited at all.
"""

from __future__ import annotations

import contextlib
import gc
import re
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from switchlib import GreenletExit, getcurrent, greenlet
from tests.frozen import frozen
from tests.settings import gc_off
from tests.tstate.world import ERRORS, VERSION, Fresh, World, pair, through_c

pytestmark = pytest.mark.cpython("it sees for itself what is in stacks")

# So often is each program run: the first instructions are not specialised by the interpreter,
# the last are.
ROUNDS = 20

PROGRAMS: list[Callable[[World], object]] = []


def program(function: Callable[[World], object]) -> Callable[[World], object]:
    PROGRAMS.append(function)
    return function


# ------------------------------------------------------------------------------------------- locals


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

    made = {
        name: w.new(name, stack="calls Python") for name in ("a", "b", "in args", "c", "in kwargs")
    }
    function(
        made.pop("a"), made.pop("b"), made.pop("in args"), c=made.pop("c"), d=made.pop("in kwargs")
    )


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


# -------------------------------------------------------------------------------- evaluation stacks


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
    pair(w.new("operand", stack="calls C"), Container(w)[0])


@program
def operand_before_a_property(w):
    pair(w.new("operand", stack="calls C"), Container(w).attribute)


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


# ------------------------------------------------------------------------------------- calls from C


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


# --------------------------------------------------------------------------------------- exceptions


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


# --------------------------------------------------------------------------------------- generators


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


# ------------------------------------------------------------------------- each kind of instruction


class Operand(Fresh):
    """Whatever the interpreter asks of it, it leaves first.

    So a stack is seen in the middle of each instruction.
    """

    __slots__ = ("attribute", "name", "w")

    def __init__(self, w, name):
        self.w = w
        w.new(name, self)

    def __bool__(self):
        self.w.leave_from_c()
        return True

    def __hash__(self):
        self.w.leave_from_c()
        return 5

    def __index__(self):
        self.w.leave_from_c()
        return 0

    def __iter__(self):
        self.w.leave_from_c()
        return iter([self.w.new("item 0"), self.w.new("item 1")])

    def __next__(self):
        self.w.leave_from_c()
        raise StopIteration

    def __len__(self):
        self.w.leave_from_c()
        return 2

    def __repr__(self):
        self.w.leave_from_c()
        return "operand"

    def __enter__(self):
        self.w.leave_from_c()
        return self.w.new("entered")

    def __exit__(self, *exception):
        self.w.leave_from_c()
        return True

    def __call__(self, *args, **kwargs):
        self.w.leave_from_c()
        return self.w.new("result")

    def __getattr__(self, name):
        self.w.leave_from_c()
        if name.startswith("__"):
            raise AttributeError(name)
        return self.w.new("attribute")

    @property
    def of_property(self):
        self.w.leave_from_c()
        return self.w.new("property")

    def method(self, x=None, *, key=None):
        self.w.leave()
        return x

    def keys(self):
        self.w.leave_from_c()
        return ["a", "b"]


def _binary(self, *others):
    self.w.leave_from_c()
    return self.w.new("result")


def _truth(self, *others):
    self.w.leave_from_c()
    return True


def _nothing(self, *others):
    self.w.leave_from_c()


OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>"]
_BINARY = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
]
for _each in _BINARY:
    setattr(Operand, f"__{_each}__", _binary)
for _each in ("neg", "pos", "invert", "getitem", "format"):
    setattr(Operand, f"__{_each}__", _binary)
for _each in ("eq", "ne", "lt", "le", "gt", "ge", "contains"):
    setattr(Operand, f"__{_each}__", _truth)
for _each in ("setitem", "delitem", "delattr"):
    setattr(Operand, f"__{_each}__", _nothing)
Operand.__format__ = lambda self, how: [self.w.leave_from_c(), "formatted"][1]  # type: ignore[assignment]


class Dying(Fresh):
    """It leaves when it dies.

    So a stack is seen in the middle of dropping what an instruction has used.
    """

    __slots__ = ("attribute", "keeps", "w")

    def __init__(self, w, name):
        self.w = w
        self.keeps = w.new(name)
        w.mortal.append(weakref.ref(self))

    def __del__(self):
        with contextlib.suppress(GreenletExit):
            self.w.leave_from_c()

    def __iter__(self):
        return iter([Dying(self.w, "item 0"), Dying(self.w, "item 1")])

    def __add__(self, other):
        return self.w.new("result")

    def __getitem__(self, key):
        return self.w.new("result")

    def __setitem__(self, key, value):
        pass

    def __enter__(self):
        return self.w.new("entered")

    def __exit__(self, *exception):
        return True

    def __call__(self, *args, **kwargs):
        return self.w.new("result")

    def __len__(self):
        return 2

    def __hash__(self):
        return 5

    def __eq__(self, other):
        return True

    def method(self, x=None, *, key=None):
        return self.w.new("result")

    def keys(self):
        return ["a", "b"]


def call(*args: object, **kwargs: object) -> object:
    return args


def plain(a: object, b: object = None) -> object:
    return a


STATEMENTS = [
    *[f"pair(A, B {operator} C)" for operator in OPERATORS],
    *[f"x = A; x {operator}= B" for operator in OPERATORS],
    *[f"pair(A, {operator}B)" for operator in ("-", "+", "~", "not ")],
    *[
        f"pair(A, B {operator} C)"
        for operator in ("==", "!=", "<", "<=", ">", ">=", "in", "not in")
    ],
    "pair(A, B < C < A)",
    "pair(A, B and C or A)",
    "pair(A, B if C else A)",
    "pair(A, B[C])",
    "pair(A, B[C:A])",
    "x = A; x[B] = C",
    "x = A; x[B:C] = A",
    "x = A; del x[B]",
    "x = A; x[B] += C",
    "pair(A, B.missing)",
    "pair(A, B.of_property)",
    "x = A; x.attribute = B; x.attribute = C",
    "x = A; x.attribute = B; del x.attribute",
    "x = A; x.attribute = B; x.attribute += C",
    "pair(A, B.method(C))",
    "pair(A, B.method(x=C, key=A))",
    "pair(A, B(C))",
    "pair(A, B(C, key=A))",
    "pair(A, B(*C))",
    "pair(A, B(A, *B, C, **C))",
    "pair(A, call(*B))",
    "pair(A, call(*B, **C))",
    "pair(A, plain(*B))",
    "pair(A, plain(B, b=C))",
    "pair(A, plain(plain(B), plain(C)))",
    "pair(A, [B, *C])",
    "pair(A, {B, *C})",
    "pair(A, {B: C})",
    "pair(A, {'x': B, **C})",
    "pair(A, {B, C, A})",
    "pair(A, (B, *C))",
    "pair(A, f'{B}{C!r:>{A}}')",
    "x, y = A",
    "x, *y = A",
    "(x, y), z = A, B",
    "x = [A, B]; x[0], x[1] = x[1], x[0]",
    "x = [A, B]; y, z = x; x = y",
    "for x in A: pair(x, B)",
    "for x in A: pass",
    "for x, y in zip(A, B): pair(x, y)",
    "pair(A, [x for x in B if C])",
    "pair(A, [pair(x, y) for x in B for y in C])",
    "pair(A, {x: y for x in B for y in C})",
    "pair(A, {x for x in B})",
    "x = {}; x[0] = A; x[0] = B; x[0] = C",
    "x = [A]; x[0] = B; x[0] = C",
    "x = [A, B]; x[0:1] = [C]",
    "x = A; (lambda: x); x = B; x = C",
    "x = {A: B}; x[C] = A; del x[B]",
    "x = [A]; x.append(B); x += [C]",
    "try: raises(A)\nexcept LookupError:\n    try: raises(B)\n    except LookupError: pass\n    C",
    "pair(A, plain(*[B, C, A]))",
    "(lambda x=A: x)(*[B, C])",
    "(lambda x=A: x)(B, C)",
    "(lambda x=A: x)(B, y=C)",
    "(lambda x=A: x)(*[B], **{'y': C})",
    "(lambda *, x=A: x)(*[B, C])",
    "class T:\n    def __init__(self): pass\nT(A, B)",
    "class T:\n    def __getitem__(self): return C\nT()[A]",
    "class T:\n    x = property(lambda: A)\nT().x",
    "pair(A, list(pair(x, C) for x in B))",
    "pair(A, tuple(map(plain, B, C)))",
    "pair(A, sorted([B, C]))",
    "pair(A, max(B, C))",
    "pair(A, len(B))",
    "pair(A, isinstance(B, C))",
    "pair(A, [B].index(C))",
    "pair(A, {B: C}[A])",
    "pair(A, {B: C}.get(A, B))",
    "pair(A, type('T', (), {'x': B})().x)",
    "pair(A, str(B))",
    "pair(A, print(B, C, file=A))",
    "pair(A, (lambda x=B: x)(C))",
    "pair(A, (lambda *x, **y: (x, y))(B, z=C))",
    "x = A; y = lambda: x; pair(B, y())",
    "x = A; x = B; x = C",
    "x = A; del x",
    "pair(A, B); pair(B, C)",
    "A; B; C",
    "assert A, B",
    "if A: B",
    "while A:\n    B\n    break",
    "with A as x, B as y: pair(x, C)",
    "with A: raise LookupError(B)",
    "with A:\n    with B:\n        for x in C: raise LookupError",
    "try: pair(A, raises(B))\nexcept LookupError as e: pair(e, C)",
    "try: pair(A, raises(B))\nfinally: C",
    "try:\n    try: pair(A, raises(B))\n    finally: pair(C, raises(A))\nexcept LookupError: B",
    "for x in A:\n    try: pair(B, raises(x))\n    except LookupError: continue",
    "for x in A:\n    try: pair(B, [C, raises(x)])\n    except LookupError: break",
    "try: raise LookupError(A) from LookupError(B)\nexcept LookupError as e: x = e",
    "def f(a=A, *, b=B): return a, b\npair(C, f())",
    "class T:\n    x = A\n    def __init__(self, y): self.y = y\npair(B, T(C))",
    "class T:\n    def __getitem__(self, key): return pair(key, A)\npair(B, T()[C])",
    "class T:\n    @property\n    def x(self): return pair(self, A)\npair(B, T().x)",
    "class T:\n    def __init_subclass__(cls, k): pair(k, A)\nclass U(T, k=B): y = C",
    "class T(object):\n    def __init__(self): super().__init__(); pair(A, B)\npair(C, T())",
    "exec('pair(a, b); x = c', {**globals(), 'a': A, 'b': B, 'c': C})",
    "exec('global x; x = a; x = b; del x', globals_of(w, A, B))",
    "pair(A, next(generate(B, C)))",
    "pair(A, list(generate(B, C)))",
    "pair(A, [*delegate(B, C)])",
    "x = delegate(A, B); next(x); x.send(C)",
    "x = delegate(A, B); next(x); x.throw(LookupError(C))",
    "x = delegate(A, B); next(x); x.close()",
    "x = generate(A, B); next(x); del x",
    "for x in generate(A, B): pair(x, C)",
    "pair(A, run(wait(B, C)))",
    "pair(A, run(with_asynchronously(B, C)))",
    "pair(A, run(go_through(B, C)))",
    "match A:\n    case [x, y]: pair(x, B)\n    case _: C",
    "match A:\n    case {'a': x, **y}: pair(x, B)",
    "match [A, B]:\n    case [x, y] if C: pair(x, y)",
]
if VERSION >= (3, 11):
    STATEMENTS += [
        "try: raise ExceptionGroup('', [LookupError(A), ValueError(B)])\n"
        "except* LookupError as e: pair(e, C)\nexcept* ValueError: C",
    ]


def raises(x):
    raise LookupError(x)


def generate(a, b):
    y = yield a
    pair(y, b)
    yield b


def delegate(a, b):
    yield from generate(a, b)
    x = yield a
    pair(x, b)


class Awaits:
    def __init__(self, *values):
        self.values = values

    def __await__(self):
        return generate(*self.values)

    async def __aenter__(self):
        return await self

    async def __aexit__(self, *exception):
        await self
        return True


async def wait(a, b):
    x = await Awaits(a, b)
    return pair(x, b)


async def with_asynchronously(a, b):
    async with Awaits(a, b) as x:
        pair(x, raises(b))


async def asynchronous(a, b):
    yield a
    await Awaits(a, b)
    yield b


async def go_through(a, b):
    return [pair(x, a) async for x in asynchronous(a, b) if b]


def run(coroutine):
    with contextlib.suppress(StopIteration):
        while True:
            coroutine.send(None)


def globals_of(w, a, b):
    class Names(dict):
        def __getitem__(self, name):
            w.leave_from_c()
            return dict.__getitem__(self, name)

    return Names(a=a, b=b)


FORMS = {
    "a function": "def {name}(w, Made):\n    made = w.new('local')\n{body}\n    return made\n",
    "a generator": "def {name}(w, Made):\n"
    "    def generator():\n        made = w.new('local')\n{inner}\n        yield made\n"
    "    for _ in w.has(generator()): pass\n",
    "a generator that C resumes": "def {name}(w, Made):\n"
    "    def generator():\n"
    "        yield 0\n"
    "        made = w.new('local')\n"
    "{inner}\n"
    "        yield made\n"
    "    list(w.has(generator()))\n",
    "a loop": "def {name}(w, Made):\n    for made in w.new('iterator'):\n{inner}\n        break\n",
    # What is in the middle is dropped before the inner iterator, whose destructor leaves.
    "blocks that are unwound": "def {name}(w, Made):\n"
    "    for _ in w.new('outer'):\n"
    "        for _ in Leaves(w):\n"
    "            for _ in w.new('middle'):\n"
    "                with Manager():\n{inmost}\n                    raise LookupError\n",
    "a class": (
        "def {name}(w, Made):\n"
        "    class Body:\n"
        "        made = w.new('local')\n"
        "{inner}\n"
        "    return Body\n"
    ),
}


class Manager:
    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


def compiled(statement: str, form: str) -> Callable[..., object]:
    lines = re.sub(r"\b([ABC])\b", r'Made(w, "\1")', statement).split("\n")
    source = FORMS[form].format(
        name="program",
        body="\n".join("    " + line for line in lines),
        inner="\n".join(" " * 8 + line for line in lines),
        inmost="\n".join(" " * 20 + line for line in lines),
    )
    namespace: dict[str, Any] = dict(globals())
    exec(source, namespace)
    made: Callable[..., object] = namespace["program"]
    return made


# ------------------------------------------------------------------------------------------- checks


@pytest.mark.parametrize("leaves", PROGRAMS, ids=lambda each: each.__name__)
def test_each_reference_of_a_frame_is_visited_once(leaves):
    with gc_off():
        for _ in range(ROUNDS):
            world = World()
            each = greenlet(leaves)
            each.switch(world)
            assert each
            assert world.objects
            world.check(each)
            world.end(each)


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
    visited = [
        run if isinstance(other, tuple) and other[0] is run else other
        for other in gc.get_referents(each)
    ]
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


MOST_LEAVES = 30


def leave_within(
    function: Callable[..., object], made: type[Operand | Dying], is_thorough: bool
) -> None:
    world = World()
    each = greenlet(function)
    args: tuple[object, ...] = (world, made)
    for _ in range(MOST_LEAVES):
        with contextlib.suppress(*ERRORS):
            each.switch(*args)
        if not each:
            break
        world.check_that_none_is_visited_twice(each)
        if is_thorough:
            world.check_the_mortal()
        args = ()
    world.end(each)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_reference_is_visited_twice_within(statement):
    with gc_off(), frozen():
        for form in FORMS:
            function = compiled(statement, form)
            for number in range(ROUNDS):
                leave_within(function, Operand, False)
                leave_within(function, Dying, number in (0, ROUNDS - 1))
