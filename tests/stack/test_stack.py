"""asm/ and csrc/stack.c, driven as plain C coroutines that never enter the interpreter:
tests/stack/.

Neither greenlets nor the conftest.py of the tests are needed,
so that it runs on any CPU and under any Python.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stack import load

pytestmark = pytest.mark.once

ASM = Path(__file__).resolve().parents[2] / "asm"

_stack = load()
ffi, lib = _stack.ffi, _stack.lib

KIB = 1024
NEVER = 1 << 30
WITHOUT_FPU = ["arm-aapcs"]

Steps = list[tuple[int, int]]


def run(coroutines: int, steps: Steps) -> Any:
    """Runs steps of (who is switched to, bytes of stack in use meanwhile);
    all must be found as it was left.
    """
    report = ffi.new("coroutine_report *")
    before = lib.stack_counts.buffers, lib.stack_counts.bytes
    status = lib.coroutines_run(
        coroutines, len(steps), [who for who, _ in steps], [size for _, size in steps], report
    )
    assert status == 0
    bad = report.what_was_bad
    assert report.first_bad_step == -1, f"step {report.first_bad_step}: {ffi.string(bad).decode()}"
    assert (lib.stack_counts.buffers, lib.stack_counts.bytes) == before
    return report


def run_failing(coroutines: int, steps: Steps, k: int) -> tuple[Any, int]:
    """The same while the k-th allocation fails; also returns how many there were before it,
    or in all.
    """
    lib.stack_fail_allocation = k
    try:
        report = run(coroutines, steps)
        return report, k - lib.stack_fail_allocation
    finally:
        lib.stack_fail_allocation = 0


def test_the_abi_is_named_for_its_file():
    name = ffi.string(lib.switchlib_abi).decode()
    files = [path for path in ASM.glob("*.h") if f'"{name}"' in path.read_text()]
    assert len(files) == 1
    assert name.split("-")[0] in files[0].name


def test_ping_pong():
    report = run(1, [(1, 100), (0, 200)] * 50)
    # Each step is a switch; the last one of number 0 finds coroutine 1 waiting,
    # which is resumed to end.
    assert report.switches == 101
    assert report.bytes_compared == 50 * 100 + 50 * 200


def test_control_words_are_part_of_it():
    abi = ffi.string(lib.switchlib_abi).decode()
    assert run(0, []).rounding_modes == (1 if abi in WITHOUT_FPU else 4)


def test_no_switch_is_needed():
    assert run(0, [(0, 10)] * 3).switches == 0


def test_a_coroutine_without_a_switch_to_it_never_begins():
    assert run(5, [(3, 64)]).switches == 1


def test_one_that_ends_leaves_its_place_to_one_that_begins():
    assert run(2, [(1, 64), (-2, 0)]).begun_at_an_end == 1
    count = 1000
    report = run(count, [(1, 64), *((-number, 0) for number in range(2, count + 1)), (0, 64)])
    assert report.begun_at_an_end == count - 1


def test_deep_stacks_overlap_shallow_ones():
    sizes = [0, 256 * KIB, 1, 64 * KIB, 16]
    run(4, [(step % 5, sizes[step % 5]) for step in range(1, 200)])


@pytest.mark.parametrize("arguments", [(-1, []), (1, [(2, 0)]), (1, [(-2, 0)]), (1, [(1, -1)])])
def test_arguments_out_of_range_are_refused(arguments):
    coroutines, steps = arguments
    report = ffi.new("coroutine_report *")
    assert (
        lib.coroutines_run(
            coroutines, len(steps), [w for w, _ in steps], [s for _, s in steps], report
        )
        == -1
    )


def programs(
    coroutines: int, steps: int, sizes: st.SearchStrategy[int]
) -> st.SearchStrategy[tuple[int, Steps]]:
    return st.integers(1, coroutines).flatmap(
        lambda n: st.tuples(
            st.just(n), st.lists(st.tuples(st.integers(-n, n), sizes), max_size=steps)
        )
    )


SIZES = st.one_of(
    st.integers(0, 512), st.integers(0, 32 * KIB), st.sampled_from([64 * KIB, 256 * KIB])
)


@given(programs(12, 60, SIZES))
@settings(deadline=None)
def test_any_order_and_depth_finds_every_stack_as_it_was_left(program):
    assert run(*program).refused == 0


@given(programs(6, 20, st.integers(0, 4 * KIB)))
@settings(deadline=None, max_examples=50)
def test_whichever_allocation_is_refused_every_stack_stays_intact(program):
    _, allocations = run_failing(*program, NEVER)
    for k in range(1, allocations + 1):
        report, _ = run_failing(*program, k)
        assert report.refused == 1
    assert run(*program).refused == 0


@given(programs(6, 20, SIZES), st.integers(1, 30))
@settings(deadline=None)
def test_a_refused_allocation_of_any_size_leaves_every_stack_intact(program, k):
    report, allocations = run_failing(*program, k)
    assert report.refused == (allocations == k)


@pytest.mark.parametrize("depth", [0, 1, 30])
def test_an_unwinder_passes_a_switch_and_stops_at_the_base_of_a_new_stack(depth):
    report = ffi.new("unwind_report *")
    lib.unwind_run(depth, report)
    assert report.in_save == report.here + 2, "start_stack, and what it calls"
    assert report.in_restore == report.here + 2
    # The calls, the first function, and start_stack as the stack's base,
    # which Arm's unwinder does not tell of.
    assert report.begun - depth in (2, 3)
    assert report.begun_at_an_end == report.begun
