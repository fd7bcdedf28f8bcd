"""Greenlets and timelines to make pages of, of any size."""

from __future__ import annotations

import random
from typing import Any

from switchlib._timeline.model import Mark, Slice, Thread, Timeline, Track

HOSTILE = [
    "</script><script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 1'>",
    "<!-- {{DATA}} <script>",
    "\"quotes\" 'and' `ticks` &amp; \\n",
    "control \x00 \x1b[31m \x7f \u2028 \u202e \ud800",
    "{{TITLE}}",
]
SHOWN = [  # as the page shows the first and the fifth
    HOSTILE[0],
    "control \\x00 \\x1b[31m \\x7f \\u2028 \\u202e \\ud800",
]

Json = dict[str, Any]


def greenlet(number: int, name: str | None = None, function: str = "handle", **others: Any) -> Json:
    """What `dump --json` prints of a greenlet whose stack has two frames."""
    frames = [
        {"filename": __file__, "line": 1, "function": function},
        {"filename": "/srv/hub.py", "line": 7, "function": "wait"},
    ]
    found = {
        "id": 0x7F0000000000 + 64 * number,
        "name": name,
        "class": "greenlet.greenlet",
        "is_main": False,
        "state": "suspended",
        "changed": False,
        "parent": 0x7F0000000000,
        "depth": 2,
        "stack_bytes": 544,
        "saved_bytes": 544,
        "stack_start": 0x7FFF0000 - 544,
        "stack_stop": 0x7FFF0000,
        "run": {"name": function, "filename": __file__, "line": 1},
        "stands_at": frames[-1],
        "frames": frames,
    }
    return found | others


def snapshot(count: int, extra: list[Json] | None = None) -> Json:
    """What `dump --json` prints of `count` greenlets: a main greenlet and its children."""
    main = greenlet(
        0, function="<module>", is_main=True, state="current", parent=None, run=None,
        stack_bytes=0, saved_bytes=0, stack_start=None, stack_stop=None,
    )  # fmt: skip
    functions = ["handle", "poll", "flush"]
    children = [greenlet(n, function=functions[n % 3]) for n in range(1, count)]
    return {
        "version": 1,
        "pid": 4711,
        "is_core": False,
        "python": "3.14.2",
        "held_seconds": 0.012,
        "stopped_by": None,
        "notes": [],
        "threads": [
            {
                "name": "MainThread",
                "native_id": 4711,
                "ident": 1,
                "ended": False,
                "on_cpu": True,
                "greenlets": [main, *children, *(extra or [])],
            }
        ],
    }


def deadlock() -> Json:
    """Two greenlets that wait for each other, one that waits for them, and one with a task."""
    ids = [0x7F0000000000 + 64 * number for number in range(1, 5)]

    def waits(holder: int, kind: str = "lock") -> list[Json]:
        return [
            {"kind": kind, "id": 0x7F1000, "detail": None, "holder": holder, "seconds_left": None,
             "certain": True}
        ]  # fmt: skip

    found = snapshot(1)
    found["threads"][0]["greenlets"] += [
        greenlet(1, "savings", waits_for=waits(ids[1])),
        greenlet(2, "checking", waits_for=waits(ids[0])),
        greenlet(3, "audit", waits_for=waits(ids[0], "end of greenlet")),
        greenlet(4, "query", waits_for=[]),
    ]
    found["deadlocks"] = [
        {"greenlets": ids[:2], "certain": True, "seconds_left": None, "behind": 1}
    ]
    found["tasks"] = [
        {"id": 1, "name": "Task-9", "steps": [{"greenlet": ids[3]}],
         "awaits": {"kind": "future", "id": 2, "name": None}}
    ]  # fmt: skip
    return found


def timeline(tracks: int, rounds: int = 4, seed: int = 1) -> Timeline:
    """Greenlets of two threads that take turns, and switch back to the main greenlet each time."""
    chance = random.Random(seed)
    found = Timeline(pid=4711, program="python server.py", begin=1_000_000, end=0)
    names = ["handle_request", "render_page", "flush_cache"]
    latest = found.begin
    for thread, of_thread in ((1, tracks // 2), (2, tracks - tracks // 2)):
        found.threads[thread] = Thread(thread, 4710 + thread, f"worker-{thread}")
        base = (thread - 1) * (tracks // 2)
        main, now = base + 1, found.begin
        own = [base + 1 + n for n in range(of_thread)]
        for number in own:
            name = "main" if number == main else names[number % 3]
            found.tracks[number] = Track(
                number, name, thread, now, now, 0 if number == main else main, "server.py:3 spawn"
            )
        for turn in range(rounds):
            for number in own[1:]:
                for greenlet_, how, origin in (
                    (main, "switch" if turn or number > own[1] else None, number - 1),
                    (number, "switch" if turn else "start", main),
                ):
                    end = now + chance.randint(500, 5_000)
                    place = f"{__file__}:1 wait" if turn else ""
                    found.slices.append(Slice(greenlet_, thread, now, end, how, origin, place, ""))
                    now = end
        found.marks.append(Mark(own[-1], thread, now - 1, "request done", ""))
        for number in own:
            found.tracks[number].end = now
        latest = max(latest, now)
    found.end = latest
    return found
