"""Programs that could break a reader: it neither fails nor hangs, and prints no control codes."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from tests.introspection.conftest import TARGETS

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("its greenlets lie elsewhere"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

HELPERS = {"wait", "suspend", "renamed", "forever"}
CASES = [
    each.name
    for each in ast.parse((TARGETS / "hostile.py").read_text()).body
    if isinstance(each, ast.FunctionDef) and each.name not in HELPERS
]


def read(pid: int, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "switchlib", *arguments, str(pid)],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PYTHONUTF8": "1"},
    )
    said = done.stderr.decode()
    assert "Traceback" not in said
    assert done.returncode == 0, said
    text = done.stdout.decode()
    for line in (text + said).split("\n"):
        assert line.isprintable(), line
    assert len(text) < 100_000_000
    return text


def greenlets_in(text: str) -> bool:
    """Whether others than main greenlets are shown."""
    return "suspended" in text or "unstarted" in text


@pytest.mark.parametrize("case", CASES)
def test_reading(target, case):
    program = target("hostile.py", case)
    assert program.said == "ready\n"
    for arguments in (["ps"], ["tree", "--nonblocking"], ["dump"], ["dump", "--group"]):
        text = read(program.pid, *arguments)
        assert greenlets_in(text) or "_and_go" in case or "chain" in case, text
    found = json.loads(read(program.pid, "dump", "--json"))
    assert found["threads"]
    json.loads(read(program.pid, "dump", "--json", "--nonblocking"))
    top = read(program.pid, "top", "-n1", "--interval", "0")
    assert top.startswith(f"process {program.pid}: read 50 times")
    assert program.runs()
