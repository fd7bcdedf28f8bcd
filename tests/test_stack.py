"""asm/ and csrc/stack.c, driven as plain C coroutines that never enter the interpreter."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchlib import greenlet
from switchlib._switch import ffi, lib

pytestmark = pytest.mark.once

KIB = 1024


def run(coroutines: int, steps: list[tuple[int, int]]):
    """Runs steps of (who is switched to, bytes of stack in use meanwhile) and returns the report."""
    report = ffi.new("coroutine_report *")
    status = lib.coroutines_run(coroutines, len(steps), [who for who, _ in steps], [size for _, size in steps], report)
    assert status == 0
    return report


def expect_intact(report) -> None:
    bad = report.what_was_bad
    assert report.first_bad_step == -1, f"step {report.first_bad_step}: {ffi.string(bad).decode()}"


def test_the_abi_has_a_name():
    assert ffi.string(lib.switchlib_abi_name()).decode() == "x86_64-sysv"


def test_ping_pong():
    report = run(1, [(1, 100), (0, 200)] * 50)
    expect_intact(report)
    # Each step is a switch; the last one of number 0 finds coroutine 1 waiting, which is resumed to end.
    assert report.switches == 101
    assert report.bytes_compared == 50 * 100 + 50 * 200


def test_nobody_else_is_needed():
    report = run(0, [(0, 10)] * 3)
    expect_intact(report)
    assert report.switches == 0


def test_a_coroutine_that_nobody_switches_to_never_begins():
    expect_intact(run(5, [(3, 64)]))


def test_deep_stacks_overlap_shallow_ones():
    sizes = [0, 256 * KIB, 1, 64 * KIB, 16]
    expect_intact(run(4, [(step % 5, sizes[step % 5]) for step in range(1, 200)]))


@pytest.mark.parametrize("arguments", [(-1, []), (1, [(2, 0)]), (1, [(-1, 0)]), (1, [(1, -1)])])
def test_arguments_out_of_range_are_refused(arguments):
    coroutines, steps = arguments
    report = ffi.new("coroutine_report *")
    assert lib.coroutines_run(coroutines, len(steps), [w for w, _ in steps], [s for _, s in steps], report) == -1


SIZES = st.one_of(st.integers(0, 512), st.integers(0, 32 * KIB), st.sampled_from([64 * KIB, 256 * KIB]))


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n), SIZES)))))
def test_any_order_and_depth_finds_every_stack_as_it_was_left(program):
    coroutines, steps = program
    before = lib.stack_counts.buffers, lib.stack_counts.bytes
    expect_intact(run(coroutines, steps))
    assert (lib.stack_counts.buffers, lib.stack_counts.bytes) == before


@given(
    st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n), SIZES)))),
    st.integers(1, 30),
)
def test_a_refused_allocation_leaves_every_stack_intact(program, failing):
    coroutines, steps = program
    lib.stack_fail_allocation = failing
    try:
        report = run(coroutines, steps)
    finally:
        unused, lib.stack_fail_allocation = lib.stack_fail_allocation, 0
    expect_intact(report)
    assert report.refused == (unused == 0)


def frames() -> list[int]:
    """The return addresses that the C library's unwinder finds, innermost first."""
    buffer = (ctypes.c_void_p * 500)()
    count = ctypes.CDLL(None).backtrace(buffer, len(buffer))
    return [address for address in buffer[:count] if address is not None]


def test_an_unwinder_stops_at_the_base_of_a_greenlets_stack():
    def deeper(levels):
        return deeper(levels - 1) if levels else sorted([0], key=lambda _: found.append(frames()))

    found = [frames()]
    outermost = found[0][-1]
    greenlet(deeper).switch(0)
    greenlet(deeper).switch(3)
    _, shallow, deep = found
    assert len(shallow) > 3
    assert outermost not in shallow
    assert outermost not in deep
    assert shallow[-1] == deep[-1], "both end in the register switch that began them"
