"""tests/regressions/: programs that once crashed, hung or went wrong. Each runs in a process of its own, in
both modes.

A program says in its first lines what went wrong, and prints "ok" at its end. A line "# not on PyPy: ..." or another of
LEFT_OUT says where it does not run, and why.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PYPY

pytestmark = pytest.mark.once

ASSERTS = hasattr(sys, "gettotalrefcount")
LEFT_OUT: dict[str, Callable[[str], bool]] = {
    "not on PyPy": lambda mode: PYPY,
    "not on CPython 3.15 with assertions": lambda mode: ASSERTS and sys.version_info[:2] == (3, 15),
    "only with shortcuts": lambda mode: mode == "0",
}
PROGRAMS = sorted(set(Path(__file__).parent.glob("[!_]*.py")) - {Path(__file__)})


@pytest.mark.parametrize("mode", ["1", "0"], ids=["shortcuts", "policy"])
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program(python, path, mode):
    for where, why in re.findall(r"^# ((?:not|only) .*): (.*)", path.read_text(), re.MULTILINE):
        if LEFT_OUT[where](mode):
            pytest.skip(f"{where}: {why}")
    done = python("-X", "faulthandler", str(path), SWITCHLIB_SHORTCUTS=mode)
    assert done.stdout.startswith("ok")
