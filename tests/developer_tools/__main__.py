"""Runs the tools that developers use on programs with greenlets: on greenlet, and on switchlib.

    python -m tests.developer_tools [--python NAME ...] [--write] [--control] [TOOL ...]

Each tool gets an environment of its own, which is kept in a directory below /tmp. A program judges
what each tool shows. The Pythons are those of `python tools/interpreters.py`; PYTHONS unless others
are named. Results are kept too: --write puts the table of all of them into docs/tools.md.

With --control, the function that the tools should show has another name in the programs, so that
every row must fail: a row that does not fail then, judges nothing.

Ends with 1 if a row works on greenlet, but not on switchlib.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from tests.developer_tools import checks, environments, table  # noqa: F401
from tests.developer_tools.check import Check, Library, Use, Wrong, by_tool

# environments has put their directory on the path.
import interpreters  # isort: skip
from interpreters import Interpreter  # isort: skip

PYTHONS: dict[str, tuple[str, ...]] = {
    "pyenv-3.11": (),
    "sid-python3.14": (),
    "sid-python3.15": ("py-spy", "pystack", "profiling.sampling", "sys.remote_exec"),
}
"""Which are used if none are named, and with which tools; with all if there are none."""


def chosen(names: list[str]) -> list[Interpreter]:
    """The interpreters whose names begin so; debug builds only if they are named in full."""
    found = interpreters.find()
    meant = [
        next((each for each in found if each.name == name), None)
        or next((each for each in found if each.name.startswith(name)), None)
        for name in names
    ]
    if None in meant:
        sys.exit(f"{names[meant.index(None)]} is not here, but {[each.name for each in found]}")
    return [each for each in meant if each is not None]


def result(each: Check, use: Use) -> dict[str, str | bool]:
    """How a check went: whether it works, and what is to be said of it."""
    if each.watches and use.library.name == "greenlet":
        return {"works": False, "text": "it has no watchers"}
    try:
        found = each.judge(use)
    except Wrong as problem:
        return {"works": False, "text": str(problem)}
    except (subprocess.SubprocessError, LookupError, ValueError, OSError) as problem:
        return {"works": False, "text": f"{type(problem).__name__}: {problem}"}
    return {"works": True, "text": found or ""}


def compare(
    each: Check, interpreter: Interpreter, libraries: tuple[Library, ...], control: bool
) -> dict[str, object]:
    """Runs a check on both libraries."""
    try:
        environment = environments.environment(interpreter, each.packages)
    except RuntimeError as problem:
        reason = str(problem).strip().splitlines()[-1]
        return {"absent": f"could not be installed: {reason}"}
    absent = each.absent(environment)
    if absent is not None:
        return {"absent": absent}
    row: dict[str, object] = {"date": date.today().isoformat()}
    name = re.sub(r"\[.*|[<=>].*", "", each.packages[0]) if each.packages else ""
    row["version"] = environment.version_of(name) if name else ""
    if each.version:
        row["version"] = subprocess.check_output(each.version, text=True).split()[-1]
    for library in libraries:
        with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
            row[library.name] = result(each, Use(environment, library, Path(scratch), control))
    return row


def main(arguments: list[str]) -> int:
    tools = list(dict.fromkeys(each.tool for each in by_tool()))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=", ".join(tools))
    parser.add_argument("--python", nargs="+", default=list(PYTHONS), metavar="NAME")
    parser.add_argument("--write", action="store_true", help="put the table into docs/tools.md")
    parser.add_argument("--control", action="store_true", help="each row must fail")
    asked = parser.parse_args(arguments)
    if not set(asked.tools) <= set(tools):
        parser.error(f"the tools are {', '.join(tools)}")
    bad = 0
    for name, interpreter in zip(asked.python, chosen(asked.python)):
        wanted = asked.tools or PYTHONS.get(name, ()) or tools
        path = str(environments.switchlib(interpreter))
        libraries = (
            Library("greenlet", {}, ()),
            Library("switchlib", {"PYTHONPATH": path}, ("-m", "switchlib", "run")),
        )
        version = environments.version(interpreter)
        for each in by_tool():
            if each.tool not in wanted or not each.fits(version):
                continue
            row = compare(each, interpreter, libraries, asked.control)
            bad += table.is_bad(row, asked.control)
            print(table.line(interpreter.name, each, row), flush=True)
            if not asked.control:
                table.keep(interpreter, version, each, row)
    if asked.write:
        table.write()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
