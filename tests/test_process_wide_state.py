"""docs/process-wide-state.md lists all that the compiled module keeps for the process as a whole, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.once, pytest.mark.cpython("nothing is compiled")]

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = "docs/process-wide-state.md"
NOT_OURS = ("_", "completed")  # cffi's and the compiler's


def listed() -> set[str]:
    """The names in its tables of our own state."""
    text = (ROOT / DOCUMENT).read_text().partition("## What is changed in the interpreter")[0]
    return set(re.findall(r"`([A-Za-z_]+)`", text))


def in_the_module() -> set[str]:
    """The names of data of the module, those of functions' static variables without the compiler's number."""
    if shutil.which("nm") is None:
        pytest.skip("needs nm")
    from switchlib import _switch  # type: ignore[attr-defined, unused-ignore]

    done = subprocess.run(["nm", "--defined-only", _switch.__file__], check=True, capture_output=True, text=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    data = {name.partition(".")[0] for _, kind, name in lines if kind in "bBdD"}
    if not data:
        pytest.skip("the module was stripped")
    return {name for name in data if not name.startswith(NOT_OURS)}


def test_all_of_it_is_listed():
    assert in_the_module() - listed() == set()


def test_all_that_is_listed_is_there():
    sources = "".join(path.read_text() for path in (ROOT / "csrc").rglob("*.[ch]")) + (ROOT / "asm/asm.c").read_text()
    assert {name for name in listed() if not re.search(rf"\b{name}\b", sources)} == set()
