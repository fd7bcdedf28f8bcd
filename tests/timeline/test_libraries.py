"""Timelines and reports of programs that use gevent, eventlet and SQLAlchemy's asyncio."""

from __future__ import annotations

import importlib.util
import re

import pytest

from switchlib import _timeline
from tests.timeline.test_timeline import check

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("it needs a thread that runs no Python"),
    pytest.mark.native("a system call of the emulator's is not that of the program"),
]

# Each has a task that waits, one that blocks for a second, and then the event loop is idle.
PROGRAMS = {
    "gevent": """\
import gevent, time
def waits():
    for _ in range(3):
        gevent.sleep(0.05)
def blocks():
    gevent.sleep(0.01)
    time.sleep(1)
gevent.joinall([gevent.spawn(waits), gevent.spawn(blocks)])
gevent.sleep(1)
""",
    "eventlet": """\
import eventlet, time
def waits():
    for _ in range(3):
        eventlet.sleep(0.05)
def blocks():
    eventlet.sleep(0.01)
    time.sleep(1)
for each in [eventlet.spawn(waits), eventlet.spawn(blocks)]:
    each.wait()
eventlet.sleep(1)
""",
    "sqlalchemy": """\
import asyncio, time
from sqlalchemy.util import await_only, greenlet_spawn
def waits():
    for _ in range(3):
        await_only(asyncio.sleep(0.05))
    await_only(asyncio.sleep(1.5))
def blocks():
    await_only(asyncio.sleep(0.01))
    time.sleep(1)
async def main():
    await asyncio.gather(greenlet_spawn(waits), greenlet_spawn(blocks))
asyncio.run(main())
""",
}


@pytest.mark.parametrize("library", PROGRAMS)
def test_a_program(library, tmp_path, python):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    program, path = tmp_path / "program.py", tmp_path / "timeline.pftrace"
    program.write_text(PROGRAMS[library])
    done = python(
        *("-W", "ignore", "-m", "switchlib", "run", "--timeline", str(path), "--slow", "400"),
        str(program),
    )
    timeline = _timeline.read(path)
    check(timeline)
    names = [track.name for track in timeline.tracks.values()]
    assert names.count("waits") == names.count("blocks") == 1
    ((blocking, place),) = {
        (timeline.tracks[each.greenlet].name, each.place)
        for each in timeline.slices
        if 0.9e9 < each.end - each.begin < 1.2e9 and each.place.startswith(str(program))
        and timeline.tracks[each.greenlet].name == "blocks"
    }  # fmt: skip
    assert blocking == "blocks"
    assert re.fullmatch(r".*program\.py:\d+ blocks", place)
    waits = {each.place for each in timeline.slices if "waits" in each.place}
    assert 1 <= len(waits) <= 2  # the line that waits, and not one of the library's
    assert re.findall(r"slow: greenlet \w+ \((.*?)\)", done.stderr) == ["blocks"]
