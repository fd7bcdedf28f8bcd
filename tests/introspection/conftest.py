"""Processes to look at."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TARGETS = Path(__file__).parent / "targets"


class Target:
    """A running program of the folder targets. `by_run` starts it with `python -m switchlib run`,
    so that its libraries run on switchlib.
    """

    def __init__(self, program: str, *arguments: str, by_run: bool = False) -> None:
        through = ["-m", "switchlib", "run"] if by_run else []
        self.process = subprocess.Popen(
            [sys.executable, *through, str(TARGETS / program), *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def cpu_seconds(self) -> float:
        """How long it has been on a CPU."""
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / 100

    def letter(self) -> str:
        """Its state as in ps."""
        return self._stat()[0]

    def _stat(self) -> list[str]:
        text = Path(f"/proc/{self.pid}/stat").read_text(errors="replace")
        return text.rpartition(")")[2].split()

    def stops(self) -> bool:
        """Whether it is stopped for good, within 1 s: the kernel wakes it up for that."""
        until = time.monotonic() + 1
        while self.letter() != "T":
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
        before = self.cpu_seconds()
        time.sleep(0.1)
        return self.letter() == "T" and self.cpu_seconds() == before

    def runs(self) -> bool:
        """Whether it gets on, within 10 s."""
        before, until = self.cpu_seconds(), time.monotonic() + 10
        while self.cpu_seconds() <= before:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True


@pytest.fixture
def target() -> Iterator[Callable[..., Target]]:
    """Starts a program, and waits for its first line."""
    with contextlib.ExitStack() as stack:

        def start(program: str, *arguments: str, by_run: bool = False) -> Target:
            found = Target(program, *arguments, by_run=by_run)
            stack.callback(found.end)
            return found

        yield start


def core_of(program: Target, directory: Path) -> Path:
    """A core file of a program, which is then ended. Skips the test if there can be none."""
    if shutil.which("gcore") is None:
        pytest.skip("gcore, a part of gdb, is not installed")
    made = subprocess.run(
        ["gcore", "-o", str(directory / "core"), str(program.pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    path = directory / f"core.{program.pid}"
    if not path.exists():
        pytest.skip(f"gcore could not: {made.stderr}")
    program.end()
    return path
