"""Every so-many-th run of tests/points: all of them are `python -m tests.points`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cffi", reason="it builds an extension")

ROOT = Path(__file__).parents[2]


@pytest.mark.once
@pytest.mark.cpython("it is a build of the mechanism in C")
@pytest.mark.native("it builds an extension, and runs interpreters of its own")
def test_something_hostile_at_some_places():
    done = subprocess.run(
        [sys.executable, "-m", "tests.points", "--every", "29"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "places were never passed" in done.stdout
