"""Evaluation stacks in random nests of blocks: what encloses a call is visited,
and nothing that is gone.

Each block of a program keeps an object on the evaluation stack, and calls leave from wherever they
stand. On CPython 3.11 to 3.13 what is seen depends on the handlers of exceptions around a call, and
with the JIT nothing is seen of evaluation stacks: there only the upper limit is checked.
"""

from __future__ import annotations

import gc
import opcode
import textwrap
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchlib import greenlet
from tests.settings import JIT, gc_off
from tests.tstate import world as world_of_programs
from tests.tstate.world import VERSION, World

pytestmark = pytest.mark.cpython("it sees for itself what is in stacks")

IS_EXACT = not ((3, 11) <= VERSION < (3, 14) or JIT)

# The first runs of code are not specialised by the interpreter, the last are.
ROUNDS = 12

CALLS = [
    "w.leave()",
    "w.leave_from_c()",
    "w.leave_from_c(*())",
    "w.leave_from_c(**{})",
    "through_c(w.leave_from_c)",
    "(lambda: w.leave_from_c())()",
    "pair(first=None, second=w.leave_from_c())",
    "[w.leave_from_c() for _ in [1]]",
    "x = [1, 2, w.leave_from_c()]",
]

# Each stands around a body, and names what it keeps on the stack `name`.
BLOCKS = [
    "for _ in w.new({name!r}):\n{body}\n    break",
    "for _ in w.new({name!r}):\n{body}\n    if w: break\nelse:\n    pass",
    "while True:\n{body}\n    break",
    "with Manager():\n{body}",
    "with Manager() as x, Manager():\n{body}",
    "with Suppressing():\n{body}\n    raise LookupError",
    "try:\n{body}\nexcept LookupError:\n    pass",
    "try:\n{body}\n    raise LookupError\nexcept LookupError:\n    pass",
    "try:\n    raise LookupError\nexcept LookupError as error:\n{body}",
    "try:\n{body}\nfinally:\n    x = None",
    "try:\n    x = None\nfinally:\n{body}",
    "try:\n"
    "    try:\n"
    "{inner}\n"
    "        raise LookupError\n"
    "    finally:\n"
    "        x = None\n"
    "except LookupError:\n"
    "{body}",
    "if w:\n{body}\nelse:\n    x = None",
    "def function():\n{body}\nfunction()",
    "def generate():\n{body}\n    yield\nfor _ in w.has(generate()): pass",
    "def generate():\n    x = yield\n{body}\n    yield\nlist(w.has(generate()))",
    "def generate():\n"
    "{body}\n"
    "    yield\n"
    "def outer():\n"
    "    yield from w.has(generate())\n"
    "for _ in w.has(outer()): pass",
]


class Manager:
    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


class Suppressing(Manager):
    def __exit__(self, *exception):
        return True


def source_of(body, names=None) -> str:
    """A body is a list of calls, and of blocks, which are tuples of a block's text and its body."""
    names = count() if names is None else names
    lines = []
    for each in body:
        if isinstance(each, str):
            lines.append(each)
            continue
        text, inner = each
        name = f"object {next(names)}"
        body_of_block = textwrap.indent(source_of(inner, names), "    ")
        lines += [
            text.format(
                name=name, body=body_of_block, inner=textwrap.indent(body_of_block, "    ")
            ),
            f"w.objects.pop({name!r}, None)",
        ]
    return "\n".join(lines)


bodies = st.recursive(
    st.lists(st.sampled_from(CALLS), min_size=1, max_size=2),
    lambda inner: st.lists(
        st.one_of(st.sampled_from(CALLS), st.tuples(st.sampled_from(BLOCKS), inner)),
        min_size=1,
        max_size=3,
    ),
    max_leaves=8,
)


def check(world: World, suspended: greenlet) -> None:
    references, visits = world.references(), world.visits(suspended)
    for name, number in references.items():
        assert number == 1
        assert visits[name] == 1 if IS_EXACT else visits[name] <= 1, name


@pytest.mark.skipif(
    VERSION != (3, 10),
    reason="from 3.14 on the depth is recorded, too; between them it is not used",
)
def test_code_jumps_past_a_prefix():
    """No compiler makes that: past an EXTENDED_ARG, to the instruction that it belongs to."""

    def function(w):
        pass

    lines = [
        *(
            ("LOAD_FAST", 0),
            ("BUILD_TUPLE", 1),
            ("JUMP_FORWARD", 1),
            ("EXTENDED_ARG", 60),
            ("UNPACK_EX", 1),
        ),
        *(("LOAD_FAST", 0), ("LOAD_ATTR", 0), ("CALL_FUNCTION", 0), ("RETURN_VALUE", 0)),
    ]
    code = b"".join(bytes([opcode.opmap[name], oparg]) for name, oparg in lines)
    function.__code__ = function.__code__.replace(
        co_code=code, co_names=("leave_from_c",), co_stacksize=100
    )
    world = World()
    each = greenlet(function)
    each.switch(world)
    assert gc.get_referents(each).count(world) == 1  # the local variable
    each.switch()


@settings(max_examples=150)
@given(body=bodies)
def test_what_encloses_a_call_is_visited(body):
    namespace = vars(world_of_programs) | {"Manager": Manager, "Suppressing": Suppressing}
    exec("def program(w):\n" + textwrap.indent(source_of(body), "    "), namespace)
    with gc_off():
        for _ in range(ROUNDS):
            world = World()
            each = greenlet(namespace["program"])
            each.switch(world)
            while each:
                check(world, each)
                each.switch()
            assert not world.objects
