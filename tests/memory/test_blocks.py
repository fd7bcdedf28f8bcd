"""csrc/memory/blocks.c and csrc/memory/arena.c alone: no block overlaps another,
and what is in one stays.
"""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = [pytest.mark.once, pytest.mark.cpython("it uses none of it")]

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 60 * 1024

DEFINITIONS = """
void blocks_install(void);
void *take(size_t size);
void give_back(void *block, size_t size);
bool arena_is_huge(const void *arena);
extern long arena_greenlets;
extern long used_pools;
extern long warm_pools;
"""

SOURCE = """
#include "csrc/memory/blocks.c"
#include "csrc/memory/arena.c"

/* cffi calls without the GIL. */
static void *
take(size_t size)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    void *block = block_alloc(size);
    PyGILState_Release(gil);
    return block;
}

static void
give_back(void *block, size_t size)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    block_free(block, size);
    PyGILState_Release(gil);
}
"""


@pytest.fixture(scope="module")
def blocks() -> Any:
    """The module, compiled here and now: that of switchlib shows nothing of it."""
    cffi = pytest.importorskip(
        "cffi", reason="needs cffi's compiler, which is not there for a foreign CPU"
    )
    builder = cffi.FFI()
    builder.cdef(DEFINITIONS)
    builder.set_source(
        "_blocks",
        SOURCE,
        include_dirs=[str(ROOT)],
        define_macros=[("_CFFI_NO_LIMITED_API", None)],
        py_limited_api=False,
        extra_compile_args=["-std=gnu11", "-O2", "-UNDEBUG", "-Wall", "-Wextra"],
    )
    with tempfile.TemporaryDirectory() as directory:
        builder.compile(tmpdir=directory)
        sys.path.insert(0, directory)
        try:
            module = importlib.import_module("_blocks")
        finally:
            sys.path.remove(directory)
    module.lib.blocks_install()
    return module


class Blocks:
    """Blocks in use, each full of bytes of its own."""

    def __init__(self, module: Any, greenlets: int) -> None:
        self.ffi, self.lib = module.ffi, module.lib
        self.lib.arena_greenlets = greenlets
        self.held: list[tuple[Any, int, int]] = []
        self.count = 0

    def take(self, size: int) -> None:
        block = self.lib.take(size)
        assert block != self.ffi.NULL
        assert int(self.ffi.cast("uintptr_t", block)) % 16 == 0
        self.count += 1
        mark = self.count % 255 + 1
        self.ffi.memmove(block, bytes([mark]) * size, size)
        self.held.append((block, size, mark))

    def give_back(self, index: int) -> None:
        block, size, mark = self.held.pop(index % len(self.held))
        assert bytes(self.ffi.buffer(block, size)) == bytes([mark]) * size
        self.lib.give_back(block, size)

    def give_all_back(self) -> None:
        while self.held:
            self.give_back(-1)


sizes = st.one_of(
    st.integers(1, 600),
    st.integers(500, 5000),
    st.integers(1, 2 * LARGEST),
    st.integers(0, 120).map(lambda n: n * 512 + 1),
)


@given(
    steps=st.lists(
        st.one_of(
            sizes.map(lambda size: ("take", size)), st.integers(0, 99).map(lambda n: ("back", n))
        ),
        max_size=150,
    ),
    greenlets=st.sampled_from([0, 5000]),
)
def test_blocks_keep_what_is_in_them(blocks, steps, greenlets):
    each = Blocks(blocks, greenlets)
    for step, number in steps:
        if step == "take":
            each.take(number)
        elif each.held:
            each.give_back(number)
    each.give_all_back()
    assert blocks.lib.used_pools == 0


@pytest.mark.parametrize("greenlets", [0, 5000], ids=["arenas", "huge pages"])
def test_pools_that_are_empty_are_given_back(blocks, greenlets):
    """At most as many are kept as are in use, and 256."""
    each, chosen = Blocks(blocks, greenlets), random.Random(1)
    for _ in range(3):
        for _ in range(4000):
            each.take(chosen.randrange(513, 20_000))
        assert blocks.lib.used_pools > 300
        while each.held:
            each.give_back(chosen.randrange(len(each.held)))
            assert blocks.lib.warm_pools <= blocks.lib.used_pools + 256
    assert blocks.lib.used_pools == 0


@pytest.mark.skipif(
    sys.platform != "linux" or sys.maxsize < 2**32, reason="huge pages are used on 64-bit Linux"
)
def test_many_greenlets_have_blocks_in_huge_pages(blocks):
    few, many = Blocks(blocks, 0), Blocks(blocks, 5000)
    for _ in range(200):
        many.take(30_000)
    assert any(blocks.lib.arena_is_huge(block) for block, _, _ in many.held)
    many.give_all_back()
    few.give_all_back()
