"""docs/compatibility.md says what is so, and the shim has the signatures of the published stubs."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys

import pytest

from switchlib._install import SHIM_DIRECTORY
from tests.commands import compatibility

pytestmark = [pytest.mark.once, pytest.mark.cpython("it has a greenlet of its own")]


def installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.skipif(not installed("greenlet"), reason="needs the real greenlet, of the extra `dev`")
def test_the_compatibility_page_is_true():
    assert compatibility.PAGE.read_text() == compatibility.page()


# What the stubs have and we do not.
ALLOWED = {
    "greenlet._greenlet.UnswitchableGreenlet": "for greenlet's own tests, which bring it along",
    "greenlet._greenlet.greenlet": (
        "the layout is that of its builtin base, so that is the disjoint base"
    ),
}


@pytest.mark.skipif(
    not installed("types-greenlet"), reason="needs types-greenlet, of the extra `dev`"
)
def test_signatures_are_those_of_the_published_stubs(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "--concise", "greenlet"],
        env=os.environ | {"PYTHONPATH": SHIM_DIRECTORY},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    different = {line.split(" ", 1)[0]: line for line in done.stdout.splitlines()}
    assert set(different) == set(ALLOWED), done.stdout


def test_help_reads_like_documentation(python):
    text = re.sub(
        r" +", " ", python("-c", "import switchlib; help(switchlib.greenlet)", PAGER="cat").stdout
    )
    assert "switch(self, /, *args, **kwargs)" in text
    assert "throw(self, typ=Ellipsis, val=None, tb=None, /)" in text
    for name in ("dead", "gr_context", "gr_frame", "parent", "run"):
        assert f"| {name}\n | " in text
