"""CPython's sampling profiler, since 3.15, follows the frames of each greenlet to their end.

It rejects a sample whose frames do not end where it expects. With greenlet 3.5.6 it rejects nearly
all samples of a program that runs in greenlets.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from switchlib._install import SHIM_DIRECTORY

pytestmark = [
    pytest.mark.once,
    pytest.mark.native("an emulator's own memory would be read"),
    pytest.mark.skipif(
        sys.version_info < (3, 15) or importlib.util.find_spec("profiling.sampling") is None,
        reason="profiling.sampling is new in Python 3.15",
    ),
]

PROGRAM = Path(__file__).resolve().parents[1] / "developer_tools" / "programs" / "takes_turns.py"
STACK = re.compile(r"takes_turns\.py:branch:\d+;takes_turns\.py:leaf:\d+ (\d+)$", re.MULTILINE)
MOST_ERRORS = 10
"""Percent: a sample that is taken while frames change is an error without any greenlet, too."""


@pytest.fixture
def target():
    environment = os.environ | {"PYTHONPATH": SHIM_DIRECTORY}
    command = [sys.executable, str(PROGRAM), "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield str(process.pid)
        process.kill()


def sample(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "profiling.sampling", *arguments],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": SHIM_DIRECTORY},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("processes may not be read here")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_samples(printed: str, collapsed: str) -> None:
    match = re.search(r"Error rate: ([\d.]+)", printed)
    assert match is not None, printed
    assert float(match[1]) < MOST_ERRORS, printed
    assert sum(map(int, STACK.findall(collapsed))) > 100, collapsed


def test_attach(target, tmp_path):
    options = ["-d", "2", "--collapsed", "-o", "found"]
    printed = sample(tmp_path, "attach", *options, target)
    check_samples(printed, (tmp_path / "found").read_text())


def test_run(tmp_path):
    printed = sample(tmp_path, "run", "--collapsed", "-o", "found", str(PROGRAM), "3")
    check_samples(printed, (tmp_path / "found").read_text())


def test_dump(target, tmp_path):
    for _ in range(5):
        printed = sample(tmp_path, "dump", target)
        assert re.search(r"\bin branch\n.*\n.*\bin leaf\n", printed), printed
