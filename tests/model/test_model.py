"""Programs do what the model (model.py) foretells. Many more: python -m tests.model"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

import switchlib
from tests.model import chance
from tests.model.differences import DIFFERENCES
from tests.model.model import Model, follow
from tests.model.program import Program, source
from tests.model.real import CONDITIONS, UNSEEN, run_on, under

ROOT = Path(__file__).parents[2]
CHOICES = {name: st.sampled_from(table) for name, table in chance.TABLES.items()}
FRAMES_ARE_HIDDEN = (
    "frames are not visited there: gh-99729" if sys.version_info[:3] == (3, 11, 0) else ""
)
frames_are_visited = pytest.mark.skipif(bool(FRAMES_ARE_HIDDEN), reason=FRAMES_ARE_HIDDEN)

COUNTS = sys.implementation.name == "cpython"
counts = pytest.mark.cpython("a greenlet that loses its last reference does not die at once")


@st.composite
def programs(draw: st.DrawFn) -> Program:
    return chance.program(lambda name: draw(CHOICES[name]), keeps=not COUNTS)


@st.composite
def programs_that_collect(draw: st.DrawFn) -> Program:
    return chance.program(lambda name: draw(CHOICES[name]), keeps=not COUNTS, collects=True)


survivors = pytest.mark.leaks(
    "a greenlet that survives the loss of its last reference is there for ever, though dead"
)


def check(program: Program, compared: bool = True) -> None:
    before = slices()
    events = run_on(switchlib, program)
    assert not compared or events == follow(program, events, UNSEEN).events, source(program)
    assert slices() <= before + 1  # the main greenlet keeps one


def slices() -> int:
    """How many are in the heap."""
    if not COUNTS:
        return 0
    from switchlib import _switch

    return _switch.lib.stack_counts.buffers


@survivors
@given(programs())
def test_random_programs_do_what_the_model_does(program):
    check(program)


@survivors
@pytest.mark.parametrize("condition", CONDITIONS)
def test_they_do_so_whatever_the_interpreter_does_between(condition):
    with under(condition):
        few()


@hypothesis.settings(max_examples=30)
@given(programs())
def few(program: Program) -> None:
    check(program)


@survivors
@frames_are_visited
@given(programs_that_collect())
def test_what_frames_own_is_collected_as_in_the_model(program):
    with under(None, collects=True):
        check(program)


@survivors
@frames_are_visited
@pytest.mark.parametrize("condition", CONDITIONS)
def test_it_is_so_whatever_the_interpreter_does_between(condition):
    with under(condition, collects=True):
        few_that_collect(condition)


def few_that_collect(condition: str) -> None:
    @hypothesis.settings(max_examples=30)
    @given(programs_that_collect())
    def few(program: Program) -> None:
        model = Model(program, UNSEEN)
        model.run()
        check(program, condition != "gc" or not model.lingers)

    few()


def test_json_keeps_a_program():
    for program, _ in DIFFERENCES.values():
        assert str(Program.from_json(program.to_json())) == str(program)


# ------------------------------------------------------------------------- programs one reads about

DOCUMENTED = Program(
    mains=[[["make", 0, 0, None, "plain"], ["make", 1, 1, None, "plain"], ["switch", 0, [12], {}]]],
    bodies=[[["switch", 1, [56], {}], ["return", 34]], [["switch", 0, [], {}], ["return", 78]]],
)
KILLED = Program(
    mains=[[["make", 0, 0, None, "plain"], ["switch", 0, [1], {}], ["drop", 0], ["look", 0]]],
    bodies=[[["finally", [["switch", "parent", [2], {}]], [["handled"], ["look", "parent"]]]]],
)
GENERATOR = Program(
    mains=[
        [
            ["make", 0, 0, None, "plain"],
            ["switch", 0, [], {}],
            ["try", [["next", 0]], "Exception", []],
        ]
    ],
    bodies=[[["try", [["raise", 1]], "Error", [["next", 0], ["next", 0], ["handled"]]]]],
    generators=[[["handled"], ["yield", 2], ["switch", "main", [3], {}], ["yield", 4]]],
)
THREADS = Program(
    mains=[
        [["make", 0, 0, None, "plain"], ["switch", 0, [1], {}], ["hand_over"], ["look", 0]],
        [["try", [["switch", 0, [2], {}]], "Exception", []], ["drop", 0], ["hand_over"]],
    ],
    bodies=[[["finally", [["switch", "parent", [3], {}]], [["look", "current"]]]]],
)
# Two greenlets lose their last references in another thread: the second dies after the first,
# not within it.
DOOMED = Program(
    mains=[
        [
            *(["make", n, 0, None, "plain"] for n in (0, 1)),
            *(["switch", n, [], {}] for n in (0, 1)),
            ["hand_over"],
        ],
        [["drop", 0], ["drop", 1]],
    ],
    bodies=[[["finally", [["switch", "parent", [], {}]], [["handled"], ["raise", 1]]]]],
)
# Each of two greenlets waits for the end of the other; the first to resume leaves the other alive.
MUTUAL = Program(
    mains=[
        [
            *[
                ["make", 0, 1, None, "plain"],
                ["make", 3, 0, None, "plain"],
                ["make", 2, 0, None, "plain"],
            ],
            *[["switch", 3, [], {}], ["switch", 2, [4], {}]],
        ]
    ],
    bodies=[
        [
            ["try", [["switch", 2, [3], {}]], "BaseException", []],
            ["try", [["throw", 0, "exit"]], "BaseException", []],
            *[["drop", 2], ["reparent", 2, 0], ["keep", 3, "parent"]],
        ],
        [],
    ],
)


# A frame of a greenlet owns that greenlet: so nothing but a collection finds it.
COLLECTED = Program(
    mains=[
        [
            ["make", 0, 0, None, "plain"],
            ["switch", 0, [1], {}],
            ["drop", 0],
            ["look", 0],
            ["collect"],
            ["look", 0],
        ]
    ],
    bodies=[
        [["hold", "local", "current", [["finally", [["switch", "main", [2], {}]], [["handled"]]]]]]
    ],
    collects=True,
)
# It does not die, and is found again by the next collection.
FOUND_TWICE = Program(
    mains=[
        [
            ["make", 0, 0, None, "plain"],
            ["switch", 0, [1], {}],
            ["abandon", 0],
            ["collect"],
            ["collect"],
        ]
    ],
    bodies=[
        [
            [
                *["hold", "cell", "current"],
                [
                    ["try", [["switch", "main", [2], {}]], "BaseException", []],
                    ["switch", "main", [3], {}],
                ],
            ]
        ]
    ],
    collects=True,
)
# Two own each other, and the second dies as it has no owner left but its thread.
TWO = Program(
    mains=[
        [
            *(["make", n, n, None, "plain"] for n in (0, 1)),
            *[["switch", 0, [], {}], ["switch", 1, [], {}], ["drop", 0], ["abandon", 1]],
        ]
    ],
    bodies=[
        [["hold", "generator", 1, [["finally", [["switch", "main", [], {}]], [["handled"]]]]]],
        [["hold", "running", 0, [["finally", [["switch", "main", [], {}]], [["handled"]]]]]],
    ],
    collects=True,
)
# Another thread's collection finds it: it dies when its own resumes.
FOUND_ELSEWHERE = Program(
    mains=[
        [["make", 0, 0, None, "plain"], ["switch", 0, [], {}], ["hand_over"]],
        [["abandon", 0], ["look", "main"]],
    ],
    bodies=[
        [["hold", "method", "current", [["finally", [["switch", "main", [], {}]], [["handled"]]]]]]
    ],
    collects=True,
)


@pytest.mark.parametrize(
    ("program", "events"),
    [
        (
            DOCUMENTED,
            [
                "g1 begins (12,) {}",
                "g2 begins (56,) {}",
                "g1 got ()",
                "main got 34",
                "main got GreenletExit",
            ],
        ),
        pytest.param(
            KILLED,
            [
                *[
                    "g1 begins (1,) {}",
                    "main got 2",
                    "g1 handles GreenletExit",
                    "g1 main True False None",
                ],
                "main main True False None",
            ],
            marks=counts,
        ),
        (
            GENERATOR,
            [
                *[
                    "g1 begins () {}",
                    "g1 caught Error(1)",
                    "g1 handles Error(1)",
                    "g1 came to 2",
                    "main got 3",
                ],
                *["main caught ValueError", "main got GreenletExit"],
            ],
        ),
        pytest.param(
            THREADS,
            [
                *[
                    "g1 begins (1,) {}",
                    "main got 3",
                    "main hands over",
                    "main2 caught error",
                    "main2 hands over",
                ],
                *[
                    "g1 g1 True False main",
                    "main is back",
                    "main main True False None",
                    "main2 is back",
                ],
            ],
            marks=counts,
        ),
        pytest.param(
            DOOMED,
            [
                *[
                    "g1 begins () {}",
                    "main got ()",
                    "g2 begins () {}",
                    "main got ()",
                    "main hands over",
                ],
                *["g1 handles GreenletExit", "main cannot raise Error(1) < GreenletExit"],
                *[
                    "g2 handles GreenletExit",
                    "main cannot raise Error(1) < GreenletExit",
                    "main is back",
                ],
            ],
            marks=counts,
        ),
        pytest.param(
            MUTUAL,
            [
                *["g2 begins () {}", "g3 begins (3,) {}", "g3 got 3", "main got GreenletExit"],
                *[
                    "g3 got 4",
                    "g2 caught GreenletExit",
                    "main got GreenletExit",
                    "g2 caught GreenletExit",
                    "main got None",
                ],
            ],
            marks=[counts, survivors],
        ),
        pytest.param(
            COLLECTED,
            [
                *["g1 begins (1,) {}", "main got 2", "main main True False None"],
                *["g1 handles GreenletExit", "main main True False None"],
            ],
            marks=counts,
        ),
        pytest.param(
            FOUND_TWICE,
            ["g1 begins (1,) {}", "main got 2", "g1 caught GreenletExit"],
            marks=counts,
        ),
        pytest.param(
            TWO,
            [
                *["g1 begins () {}", "main got ()", "g2 begins () {}", "main got ()"],
                *["g1 handles GreenletExit", "g2 handles GreenletExit"],
            ],
            marks=counts,
        ),
        pytest.param(
            FOUND_ELSEWHERE,
            [
                *[
                    "g1 begins () {}",
                    "main got ()",
                    "main hands over",
                    "main2 main2 True False None",
                ],
                *["g1 handles GreenletExit", "main is back"],
            ],
            marks=counts,
        ),
    ],
    ids=[
        *["documented", "killed", "generator", "threads", "doomed", "mutual"],
        *["collected", "found twice", "two", "found elsewhere"],
    ],
)
def test_what_the_model_predicts(program, events):
    if program.collects and FRAMES_ARE_HIDDEN:
        pytest.skip(FRAMES_ARE_HIDDEN)
    assert Model(program).run() == events
    with under(None, program.collects):
        check(program)


# -------------------------------------------------------------------------------- the real greenlet


@counts
@survivors
@pytest.mark.parametrize("name", DIFFERENCES)
def test_where_greenlet_differs(name):
    program, greenlets_events = DIFFERENCES[name]
    model = Model(program)
    assert model.run() != greenlets_events
    assert model.differences == {name}
    check(program)


@pytest.mark.once
@pytest.mark.cpython("it has a greenlet of its own")
@pytest.mark.skipif(
    importlib.util.find_spec("greenlet") is None,
    reason="greenlet is not installed next to switchlib",
)
@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11),
    reason="what greenlet does here was written down on CPython 3.11",
)
def test_greenlet_differs_so():
    found = on_greenlet([program for program, _ in DIFFERENCES.values()])
    for events, (_, expected) in zip(found, DIFFERENCES.values(), strict=True):
        assert len(events) == len(expected)
        assert [
            event[: len(start)] for event, start in zip(events, expected, strict=True)
        ] == expected


def on_greenlet(programs: list[Program]) -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.model.real", "greenlet"],
        cwd=ROOT,
        input="".join(program.to_json() + "\n" for program in programs),
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.once
def test_the_docs_show_each_difference():
    page = (ROOT / "docs" / "testing.md").read_text()
    for name, (program, _) in DIFFERENCES.items():
        assert name in page
        assert source(program).strip() in page
