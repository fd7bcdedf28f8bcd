"""tests/regressions/: programs that once crashed, hung or went wrong. Each runs in a process of its own, in
both modes.

A program says in its first lines what went wrong, and prints "ok" at its end. A line "# not on PyPy: ..." or "#
only with shortcuts: ..." says where it does not run, and why.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PYPY

pytestmark = pytest.mark.once

PROGRAMS = sorted((Path(__file__).parent / "regressions").glob("*.py"))


@pytest.mark.parametrize("mode", ["1", "0"], ids=["shortcuts", "policy"])
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program(python, path, mode):
    said = dict(re.findall(r"^# (not on PyPy|only with shortcuts): (.*)", path.read_text(), re.MULTILINE))
    if PYPY and "not on PyPy" in said:
        pytest.skip(f"not on PyPy: {said['not on PyPy']}")
    if mode == "0" and "only with shortcuts" in said:
        pytest.skip(f"only with shortcuts: {said['only with shortcuts']}")
    done = python("-X", "faulthandler", str(path), SWITCHLIB_SHORTCUTS=mode)
    assert done.stdout.startswith("ok")
