"""`python -m switchlib run --timeline FILE --slow MILLISECONDS PROGRAM`."""

from __future__ import annotations

import os
import sys

import pytest

from switchlib import _timeline
from tests.timeline.test_timeline import check

pytestmark = pytest.mark.once

PYPY = sys.implementation.name == "pypy"

PROGRAM = """\
import os, sys
from greenlet import getcurrent, greenlet
main = getcurrent()
def work():
    while True:
        main.switch()
each = greenlet(work)
for _ in range(10):
    each.switch()
print(sys.argv[1:], [name for name in os.environ if name.startswith("SWITCHLIB_")])
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return str(path)


def test_a_timeline(tmp_path, python, program):
    for name in ("one.json", "two.pftrace"):
        path = tmp_path / name
        done = python("-m", "switchlib", "run", "--timeline", str(path), program, "--slow", "x")
        assert done.stdout.startswith("['--slow', 'x'] ")
        assert "SWITCHLIB_TIMELINE" not in done.stdout
        timeline = _timeline.read(path)
        check(timeline)
        assert len(timeline.slices) == 21
        assert "program.py" in timeline.program
        assert ", 20 switches, 1 greenlets made, 0 ended\n" in done.stderr
        assert f"timeline: {path} (21 slices)\n" in done.stderr
        assert "10  " in done.stderr


def test_options_with_an_equals_sign(tmp_path, python, program):
    path = tmp_path / "one.json"
    python("-m", "switchlib", "run", f"--timeline={path}", program)
    assert len(_timeline.read(path).slices) == 21


@pytest.mark.cpython("it needs a thread that runs no Python")
def test_slow(python, program):
    done = python("-m", "switchlib", "run", "--slow", "5000", program)
    assert ", 20 switches, " in done.stderr
    assert "work" in done.stderr
    assert "timeline:" not in done.stderr
    assert "\r" not in done.stderr  # progress is for terminals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--timeline"], "needs a value"),
        (["--timeline", "x.txt"], "ends in .json"),
        (["--timeline", "/no/such/folder/x.json"], "No such file"),
        (["--slow", "soon"], "number of milliseconds"),
        (["--slow", "0"], "number of milliseconds"),
        (["--slow=5"], "needs CPython" if PYPY else "name a program"),
    ],
)
def test_what_is_wrong_is_said_before_the_program_starts(python, options, message):
    done = python("-m", "switchlib", "run", *options, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_without_greenlets_leaves_no_file(tmp_path, python):
    path = tmp_path / "one.json"
    done = python("-m", "switchlib", "run", "--timeline", str(path), "-c", "print(1)")
    assert done.stdout == "1\n"
    assert not path.exists()


def test_a_program_that_fails(tmp_path, python, program):
    path = tmp_path / "one.json"
    with open(program, "a") as file:
        file.write("raise KeyError\n")
    done = python("-m", "switchlib", "run", "--timeline", str(path), program, check=False)
    assert done.returncode == 1
    assert "KeyError" in done.stderr
    assert len(_timeline.read(path).slices) == 21


def test_forked_children_have_files_of_their_own(tmp_path, python, program):
    path = tmp_path / "one.json"
    with open(program, "a") as file:
        file.write(
            "child = os.fork()\neach.switch()\nif child:\n    assert os.waitpid(child, 0)[1] == 0\n"
        )
    python("-W", "ignore::DeprecationWarning", "-m", "switchlib", "run",
           "--timeline", str(path), program)  # fmt: skip
    (other,) = tmp_path.glob("one-*.json")
    of_child = _timeline.read(other)
    check(of_child)
    assert other.name == f"one-{of_child.pid}.json"
    assert len(of_child.slices) == 3
    assert len(_timeline.read(path).slices) == 23


@pytest.mark.cpython("it needs a thread that runs no Python")
@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo-terminals")
def test_progress_is_shown_on_a_terminal_after_some_time(tmp_path):
    import subprocess

    program = PROGRAM + "import time\ntime.sleep(7)\n"
    leader, follower = os.openpty()
    try:
        command = [sys.executable, "-m", "switchlib", "run", "--slow", "60000", "-c", program]
        subprocess.run(command, stderr=follower, stdout=subprocess.DEVNULL, check=True, timeout=60)
        text = os.read(leader, 100_000).decode()
    finally:
        os.close(leader)
        os.close(follower)
    assert "s, 20 switches, 1 greenlets made" in text
    assert text.count("\r\x1b[K") >= 2
