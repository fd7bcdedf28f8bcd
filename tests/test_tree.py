"""The C sources as a graph: files call and include only what stands below them,
and what is process-wide is listed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections import defaultdict
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("it compiles nothing"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed"),
]

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for path in (ROOT / "csrc").rglob("*.c") if path.parent.name != "shim")

Graph = dict[str, set[str]]


class Symbol:
    """A line of `nm --format=sysv`: a name that an object file defines, or asks of others."""

    def __init__(self, line: str) -> None:
        self.name, _, self.kind, _, _, _, self.section = (
            field.strip() for field in line.split("|")
        )

    @property
    def is_written_to(self) -> bool:
        return self.section.startswith((".data", ".bss")) and not self.section.startswith(
            ".data.rel.ro"
        )


@pytest.fixture(scope="module")
def symbols(tmp_path_factory) -> dict[Path, list[Symbol]]:
    """Of each source file, compiled on its own."""
    found = {}
    for source in SOURCES:
        out = tmp_path_factory.mktemp("objects") / "out.o"
        compiler = ["gcc", "-std=gnu11", "-O1", "-fPIC", "-fvisibility=hidden"]
        headers = ["-isystem", sysconfig.get_path("include")]
        subprocess.run([*compiler, *headers, "-c", source, "-o", out], check=True, cwd=ROOT)
        listed = subprocess.run(
            ["nm", "--format=sysv", out], check=True, capture_output=True, text=True
        ).stdout
        found[source] = [
            Symbol(line)
            for line in listed.splitlines()
            if line.count("|") == 6 and ".o" not in line
        ]
    return found


@pytest.fixture(scope="module")
def calls(symbols) -> Graph:
    """Which file uses functions or variables of which others."""
    homes = {
        symbol.name: source.stem
        for source in SOURCES
        for symbol in symbols[source]
        if symbol.kind in tuple("TDBR")
    }
    graph: Graph = defaultdict(set)
    for source in SOURCES:
        graph[source.stem] |= {
            homes[s.name] for s in symbols[source] if s.kind == "U" and s.name in homes
        }
    return graph


def a_circle(graph: Graph) -> list[str] | None:
    """The nodes of a circle; None if there is none."""
    done: set[str] = set()

    def follow(path: list[str]) -> list[str] | None:
        for node in sorted(graph.get(path[-1], ())):
            if node in path:
                return [*path[path.index(node) :], node]
            if node not in done and (circle := follow([*path, node])) is not None:
                return circle
        done.add(path[-1])
        return None

    circles = (follow([node]) for node in sorted(graph) if node not in done)
    return next((circle for circle in circles if circle is not None), None)


def test_a_circle_is_found():
    assert a_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None
    assert a_circle({"a": {"b"}, "b": {"c"}, "c": {"d", "b"}, "d": set()}) == ["b", "c", "b"]


def test_no_files_call_each_other_round(calls):
    assert len(calls) == len(SOURCES)
    assert "greenlet" in calls["kill"]
    assert a_circle(calls) is None


LAYERS = ("asm/", "csrc/stack", "csrc/memory/", "csrc/callee", "csrc/tstate", "csrc/mechanism")


def layer(path: Path) -> int:
    name = str(path.relative_to(ROOT))
    return next(i for i, start in enumerate(LAYERS) if name.startswith(start))


def included(path: Path) -> list[Path]:
    names = re.findall(r'^#\s*include "([^"]+)"', path.read_text(), re.MULTILINE)
    return [(path.parent / name).resolve() for name in names]


def test_a_layer_includes_only_those_below():
    headers = [path for folder in ("asm", "csrc") for path in (ROOT / folder).rglob("*.h")]
    for path in [
        *SOURCES,
        ROOT / "asm" / "asm.c",
        *(path for path in headers if not path.name.endswith(".cdef.h")),
    ]:
        for other in included(path):
            assert layer(other) <= layer(path), f"{path} includes {other}"
    assert (
        a_circle({str(path): {str(other) for other in included(path)} for path in headers}) is None
    )


def test_the_mechanism_is_listed_lowest_first(calls):
    listed = re.findall(
        r"^ \*     (\w+)\.c ", (ROOT / "csrc" / "mechanism.h").read_text(), re.MULTILINE
    )
    in_folder = {path.stem for path in SOURCES if path.parent.name == "mechanism"}
    assert set(listed) == in_folder - {"points"}  # which is a build for tests
    for i, name in enumerate(listed):
        assert calls[name] & set(listed[i:]) == set(), name


def test_all_process_wide_state_is_listed(symbols):
    text = (
        (ROOT / "docs" / "process-wide-state.md")
        .read_text()
        .partition("## What is changed in the interpreter")[0]
    )
    listed = set(re.findall(r"`([A-Za-z_]+)`", text))
    there = {s.name.split(".")[0] for found in symbols.values() for s in found if s.is_written_to}
    assert "last_thread" in there
    assert there - listed == set()
    code = "".join(
        path.read_text() for folder in ("asm", "csrc") for path in (ROOT / folder).rglob("*.[ch]")
    )
    assert {name for name in listed if not re.search(rf"\b{name}\b", code)} == set()


def test_lines_of_c_have_at_most_100_columns():
    """Those of Python are ruff's to check; clang-format leaves lines as they were broken."""
    folders = ("asm", "benchmarks", "csrc", "switchlib/shim", "tests", "tools")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.[ch]")]
    lines = [(path, line) for path in sources for line in path.read_text().splitlines()]
    assert len(lines) > 5000
    assert [(str(path), line) for path, line in lines if len(line) > 100] == []
