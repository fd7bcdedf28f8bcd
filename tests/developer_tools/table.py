"""The results that are kept, and the table that docs/tools.md has of them."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.developer_tools.check import Check, by_tool
from tests.developer_tools.environments import DIRECTORY, ROOT

from interpreters import Interpreter  # isort: skip; environments has put its directory on the path

PAGE = ROOT / "docs" / "tools.md"
MARKS = "<!-- python -m tests.developer_tools --write -->", "<!-- end of it -->"
HEAD = """\
| tool | what was done | CPython | greenlet | switchlib | |
|---|---|---|---|---|---|"""
KEPT = "results.json"

Row = dict[str, Any]


def is_bad(row: Row, control: bool) -> bool:
    """Whether a row works on greenlet only; as a control, whether it works at all."""
    if "absent" in row:
        return False
    if control:
        return bool(row["greenlet"]["works"] or row["switchlib"]["works"])
    return bool(row["greenlet"]["works"] and not row["switchlib"]["works"])


def cell(found: Row) -> str:
    """How it went on one library, for a cell of the table."""
    text = str(found["text"]).replace("|", r"\|").replace("\n", " ")
    if found["works"]:
        return f"works: {text}" if text else "works"
    return f"fails: {text[:120]}"


def line(python: str, each: Check, row: Row) -> str:
    """A row for the terminal."""
    cells = (
        [f"not tried: {row['absent']}"]
        if "absent" in row
        else [f"{name} {cell(row[name])}" for name in ("greenlet", "switchlib")]
    )
    return f"{python:<16} {each.tool} {row.get('version', '')}, {each.what}: {'; '.join(cells)}"


def path(python: str) -> Path:
    return DIRECTORY / python / KEPT


def keep(interpreter: Interpreter, version: tuple[int, ...], each: Check, row: Row) -> None:
    """Stores a row for `write`."""
    file = path(interpreter.name)
    kept = json.loads(file.read_text()) if file.exists() else {"rows": {}}
    kept["version"] = version
    kept["rows"][each.name] = row
    file.write_text(json.dumps(kept, indent=1))


def rows() -> list[str]:
    """The table's rows from all that is kept: Pythons with the same result share one."""
    kept = sorted(
        (json.loads(file.read_text()) for file in DIRECTORY.glob(f"*/{KEPT}")),
        key=lambda each: each["version"],
    )
    lines = []
    for each in by_tool():
        found = []
        for python in kept:
            row = python["rows"].get(each.name)
            if row is None or not each.fits(python["version"]):
                continue
            version = ".".join(map(str, python["version"]))
            if "absent" in row:
                cells = (each.tool, f"not tried: {row['absent']}", "")
            else:
                named = f"{each.tool} {row['version']}".strip()
                cells = (named, cell(row["greenlet"]), cell(row["switchlib"]))
            found.append((cells, version))
        for (tool, *cells), group in groupby(found, key=lambda pair: pair[0]):
            versions = ", ".join(version for _, version in group)
            lines.append(f"| {' | '.join([tool, each.what, versions, *cells, each.note])} |")
    return lines


def dates() -> str:
    """The days of the results."""
    found = {
        row["date"]
        for file in DIRECTORY.glob(f"*/{KEPT}")
        for row in json.loads(file.read_text())["rows"].values()
        if "date" in row
    }
    return " to ".join(sorted({min(found), max(found)}))


def write() -> None:
    """Puts the table into the page."""
    text = PAGE.read_text()
    begin, end = (text.index(mark) for mark in MARKS)
    content = "\n".join([f"x86-64, {dates()}.", "", HEAD, *rows()])
    PAGE.write_text(f"{text[:begin]}{MARKS[0]}\n\n{content}\n\n{text[end:]}")
