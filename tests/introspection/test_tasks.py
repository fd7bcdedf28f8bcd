"""Tasks of asyncio that run in greenlets are read as they know themselves."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from switchlib.introspection import process, reader

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("its greenlets lie elsewhere"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

PROGRAM = "on_asyncio.py"


def described(found: process.Process) -> dict:
    """The tasks, in the form in which the program describes itself."""
    assert found.notes == []
    return {
        task.name: {
            "id": task.address,
            "frames": [
                [frame.code.name, frame.line]
                for step in task.steps
                for frame in frames(step)
                if frame.code.filename.endswith(PROGRAM)
            ],
            "awaits": task.awaited
            and {
                "kind": task.awaited.kind,
                "id": task.awaited.address,
                "name": task.awaited.name or None,
            },
        }
        for task in found.tasks.in_greenlets()
    }


def frames(step: object) -> list[process.Frame]:
    if isinstance(step, process.Greenlet):
        return step.frames
    return [step] if isinstance(step, process.Frame) else []


@pytest.mark.parametrize("library", ["sqlalchemy", "greenback"])
def test_tasks(target, library):
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    if library == "greenback":
        pytest.importorskip("greenback", reason="greenback is not installed")
    program = target(PROGRAM, library, by_run=True)
    expected = json.loads(program.said)
    assert library in expected
    assert reader.observe(program.pid, described) == expected
    tree = subprocess.run(
        [sys.executable, "-m", "switchlib", "tree", str(program.pid)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name, each in expected.items():
        awaited = each["awaits"]["name"] or f"{each['awaits']['id']:#x}"
        assert f"─ task {name} awaits {each['awaits']['kind']} {awaited}\n" in tree
        after = tree[tree.index(f"─ task {name} ") :]
        for function, line in each["frames"]:
            place = f"{PROGRAM}:{line} {function}\n"
            assert place in after
            after = after[after.index(place) + len(place) :]
