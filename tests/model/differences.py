"""Programs that the real greenlet runs in another way,
one for each difference that the model knows.

With each, how the events begin that greenlet 3.5.6 gives on CPython 3.11.
docs/testing.md shows the programs and says why switchlib does not follow.
"""

from __future__ import annotations

from tests.model.program import Program

RUN_EXIT = Program(
    mains=[[["make", 0, 0, None, "plain"], ["make", 1, 0, 0, "plain"], ["throw", 1, "exit"]]],
    bodies=[[]],
)
HEIR = Program(
    mains=[[["make", 0, None, None, "plain"], ["make", 1, 0, 0, "plain"], ["switch", 1, [], {}]]],
    bodies=[[["raise", 1]]],
)
SURVIVOR = Program(
    mains=[
        [
            *[["make", 0, 0, None, "plain"], ["make", 1, 1, None, "plain"], ["switch", 0, [], {}]],
            *[["drop", 1], ["drop", 0]],
        ]
    ],
    bodies=[
        [["switch", 1, [], {}]],
        [["finally", [["switch", "main", [1], {}]], [["switch", "main", [2], {}]]]],
    ],
)
CYCLE = Program(
    mains=[
        [
            *[["make", 0, 0, None, "plain"], ["make", 1, 1, 0, "plain"], ["switch", 1, [], {}]],
            *[["drop", 1], ["look", 2]],
        ]
    ],
    bodies=[
        [],
        [
            [
                "finally",
                [["switch", "main", [], {}]],
                [["reparent", 0, "current"], ["keep", 2, "current"]],
            ]
        ],
    ],
)
ENDED_THREAD = Program(mains=[[["hand_over"], ["look", 0]], [["keep", 0, "current"]]])
ROW = Program(
    mains=[
        [
            *[
                ["make", 0, 0, None, "plain"],
                ["make", 1, 0, 0, "plain"],
                ["make", 2, 0, 1, "plain"],
            ],
            *[["drop", 1], ["switch", 2, [], {}], ["look", 2]],
        ]
    ],
    bodies=[[]],
)

DIFFERENCES: dict[str, tuple[Program, list[str]]] = {
    "run is called with a GreenletExit": (RUN_EXIT, ["g1 begins () {}", "main got None"]),
    "a parent cannot receive an exception": (
        HEIR,
        ["g2 begins () {}", "main caught AttributeError"],
    ),
    "a victim of a victim survives": (
        SURVIVOR,
        [
            *[
                "g1 begins () {}",
                "g2 begins () {}",
                "main got 1",
                "g1 cannot raise GreenletExit",
                "g1 did not kill",
            ],
            *[
                "main got Killing the greenlet because all references have vanished.",
                "main got GreenletExit",
            ],
        ],
    ),
    "a kill leaves a cycle of parents": (
        CYCLE,
        ["g2 begins () {}", "main got ()", "main g2 False True g1"],
    ),
    "the main greenlet of an ended thread stays true": (
        ENDED_THREAD,
        ["main hands over", "main is back", "main main2 True "],
    ),
    "a chain of dead greenlets stays alive": (
        ROW,
        [
            *["g3 begins () {}", "g2 begins (None,) {}", "g1 begins (None,) {}", "main got None"],
            "main g3 False True g2",
        ],
    ),
}
