"""Runs the programs of this folder: see __init__.py.

What a program may say of itself, in lines of their own:

# not on PyPy: REASON
# not on a debug build of CPython 3.15: REASON
# only with shortcuts: REASON
# needs CPython 3.12: REASON            or a later one
# needs MODULE: REASON
# with the ordinary allocator: REASON   otherwise PYTHONMALLOC=debug overwrites what is freed
# ends with STATUS: REASON              otherwise with 0; negative is a signal, as for subprocess
# prints: TEXT                          in the last line; or: # prints nothing
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import PYPY, Python

pytestmark = pytest.mark.once

DEBUG_BUILD = hasattr(sys, "gettotalrefcount")
PROGRAMS = sorted(set(Path(__file__).parent.glob("[!_]*.py")) - {Path(__file__)})


@dataclass(frozen=True)
class Mark:
    """What a program says of itself, and why."""

    what: str
    reason: str

    def leaves_out(self, shortcuts: bool) -> bool:
        """Whether the program does not run here, in this mode."""
        if self.what == "not on PyPy":
            return PYPY
        if self.what == "only with shortcuts":
            return not shortcuts
        if build := re.fullmatch(r"not on a debug build of CPython 3\.(\d+)", self.what):
            return DEBUG_BUILD and sys.version_info[:2] == (3, int(build[1]))
        if version := re.fullmatch(r"needs CPython 3\.(\d+)", self.what):
            return PYPY or sys.version_info[:2] < (3, int(version[1]))
        if module := re.fullmatch(r"needs (\w+)", self.what):
            return find_spec(module[1]) is None
        assert self.what == "with the ordinary allocator" or self.status is not None, (
            f"unknown: {self.what}"
        )
        return False

    @property
    def status(self) -> int | None:
        """How the program ends, if this says so."""
        ends = re.fullmatch(r"ends with (-?\d+)", self.what)
        return int(ends[1]) if ends else None


def marks_of(text: str) -> list[Mark]:
    """The lines between the docstring and the first statement."""
    head = re.match(r'"""[\s\S]*?"""\n((?:#.*\n)*)', text)
    assert head is not None, "a program begins with what went wrong"
    return [Mark(*line[2:].split(": ", 1)) for line in head[1].splitlines()]


def printed_by(text: str) -> str:
    last = re.search(r"\n# prints(?:: (.+)| nothing)\n$", text)
    assert last is not None, "a program ends with what it prints"
    return last[1] or ""


@pytest.mark.parametrize("mode", ["1", "0"], ids=["shortcuts", "policy"])
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program(python: Python, path: Path, mode: str) -> None:
    text = path.read_text()
    marks = marks_of(text)
    for mark in marks:
        if mark.leaves_out(shortcuts=mode == "1"):
            pytest.skip(f"{mark.what}: {mark.reason}")
    environment = {"SWITCHLIB_SHORTCUTS": mode}
    if not any(mark.what == "with the ordinary allocator" for mark in marks):
        environment["PYTHONMALLOC"] = "debug"
    done = python("-X", "faulthandler", str(path), check=False, **environment)
    status = next((mark.status for mark in marks if mark.status is not None), 0)
    assert done.returncode == status, done.stderr
    assert status or "Fatal" not in done.stderr
    assert done.stdout.strip() == printed_by(text)
