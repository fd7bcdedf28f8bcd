"""Runs all tests on each Python of this machine:
`python tools/matrix.py [--at-once N] [--poison] [NAME ...]`.

The Pythons are those that tools/interpreters.py finds, or those of them that are named, or whose
names begin so; `python tools/interpreters.py make` gets more. A Python with a JIT runs once without
and once with it. For each, this clone is copied and installed into an environment of its own; then
come the tests, the model (random programs against tests/model/test_model.py) and greenlet's own
tests, each with the shortcuts on and off; and on a debug build, without its JIT, the references
that each test leaves behind. One table is printed; it ends with 1 if anything is red. What failed
stays in the directory that is named then.

One Python is done after the other, or N of them at once, each of which wants a core to itself.

With --poison, only what runs in the poison build (csrc/stack.h) is done: tests and model,
on CPython, without a JIT.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import interpreters
from interpreters import CLONE, Interpreter

MODEL = "tests/model/test_model.py"
JOBS = {
    "tests": ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--ignore", MODEL),
    "model": ("-m", "pytest", "-q", "-p", "no:cacheprovider", MODEL),
    "upstream": ("-m", "tests.upstream"),
    "references": ("-m", "tests.commands.references"),
}
ONLY_WITH_ASSERTIONS = {"references"}
IN_POISON_BUILD = {"tests", "model"}
SECONDS_A_JOB = 3600
NOT_COPIED = (
    ".git",
    ".venv*",
    "*.so",
    "*.o",
    "_switch.c",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
)


@dataclass(frozen=True)
class Row:
    """One line of the table: an interpreter, and the environment variables it runs with."""

    interpreter: Interpreter
    jit: bool = False

    @property
    def name(self) -> str:
        return self.interpreter.name + (" JIT" if self.jit else "")

    @property
    def variables(self) -> dict[str, str]:
        return {"PYTHON_JIT": "1"} if self.jit else {}


@dataclass
class Result:
    """How a job ended: a cell of the table."""

    green: bool
    text: str

    def __str__(self) -> str:
        return self.text if self.green else f"RED: {self.text}"


def rows(interpreter: Interpreter) -> Iterator[Row]:
    yield Row(interpreter)
    asked = "import sys; print(hasattr(sys, '_jit') and sys._jit.is_available())"
    done = subprocess.run(
        interpreter.command("-c", asked), capture_output=True, text=True, check=False
    )
    if done.stdout.strip() == "True":
        yield Row(interpreter, jit=True)


def run(
    command: list[str], directory: Path, log: Path, variables: dict[str, str] | None = None
) -> int | None:
    """Runs a command with its output in a file; returns its exit status,
    None if it took too long.
    """
    with log.open("w") as output:
        try:
            return subprocess.run(
                command,
                cwd=directory,
                env=os.environ | (variables or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=SECONDS_A_JOB,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return None


def judge(status: int | None, log: Path) -> Result:
    """A job is green if it says so by its exit status and has passed tests to show for it."""
    last = next(
        (
            line
            for line in reversed(log.read_text(errors="replace").splitlines())
            if " passed" in line
        ),
        "",
    )
    counts = {
        what: int(number)
        for number, what in re.findall(r"(\d+) (passed|failed|error|skipped)", last)
    }
    said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    if status == 0 and counts.get("passed"):
        return Result(True, said)
    how = (
        "too slow"
        if status is None
        else f"signal {-status}"
        if status < 0
        else said or f"exit status {status}"
    )
    return Result(False, how)


def install(interpreter: Interpreter, directory: Path, poison: bool) -> Path | None:
    """Copies the clone and installs it with what its tests need; returns its python,
    or None if that failed.
    """
    clone, environment = directory / "switchlib", directory / "environment"
    shutil.copytree(CLONE, clone, ignore=shutil.ignore_patterns(*NOT_COPIED))
    python = environment / "bin" / "python"
    made = (
        f"{interpreter.executable} -m venv {environment} && {python} -m pip install -e '.[test]' "
        "objgraph"
    )
    if poison:
        ask = "from switchlib._switch import lib; assert lib.stack_poisons"
        made = f"export CFLAGS=-DSWITCHLIB_POISON && {made} && {python} -c '{ask}'"
    status = run(interpreter.within("sh", "-c", made), clone, directory / "install.log")
    return python if status == 0 else None


def run_row(
    row: Row, python: Path, directory: Path, with_assertions: bool, poison: bool
) -> list[Result]:
    results = []
    for job, arguments in JOBS.items():
        assertions = with_assertions and not row.jit  # a JIT keeps what it has compiled
        if (job in ONLY_WITH_ASSERTIONS and not assertions) or (
            poison and job not in IN_POISON_BUILD
        ):
            results.append(Result(True, ""))
            continue
        log = directory / f"{job}{'-jit' if row.jit else ''}.log"
        command = row.interpreter.within(str(python), *arguments)
        began = time.monotonic()
        result = judge(run(command, directory / "switchlib", log, row.variables), log)
        result.text += f", {time.monotonic() - began:.0f} s"
        results.append(result)
    return results


def chosen(names: list[str]) -> list[Interpreter]:
    """The interpreters found that are named so, or else whose names begin so;
    all if no names are given.
    """
    found = {each.name: each for each in interpreters.find()}
    meant: dict[str, Interpreter] = {}
    for name in names or found:
        begun = [name] if name in found else [each for each in found if each.startswith(name)]
        if not begun:
            sys.exit(f"no {name} here, but {', '.join(found)}")
        meant |= {each: found[each] for each in begun}
    return list(meant.values())


LINE = "{:<22} {:<34} {:<30} {:<28} {:<32} {:<34} {:>6}"


def do(interpreter: Interpreter, home: Path, poison: bool) -> bool:
    """All rows of an interpreter; whether they are green."""
    described, python = interpreter.describe(), install(interpreter, home, poison)
    if python is None:
        print(f"{interpreter.name:<22} {described:<34} RED: it could not be installed", flush=True)
        return False
    fine = True
    for row in [Row(interpreter)] if poison else rows(interpreter):
        began = time.monotonic()
        results = run_row(row, python, home, described.endswith("debug build"), poison)
        fine &= all(result.green for result in results)
        print(
            LINE.format(row.name, described, *map(str, results), round(time.monotonic() - began)),
            flush=True,
        )
    if fine:
        shutil.rmtree(home)
    return fine


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--at-once", type=int, default=1, metavar="N")
    parser.add_argument(
        "--poison", action="store_true", help="overwrite what is saved of a stack, where it lay"
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    asked = parser.parse_args(arguments)
    wanted = [
        each
        for each in chosen(asked.names)
        if not (asked.poison and each.describe().startswith("PyPy"))
    ]
    directory = Path(
        tempfile.mkdtemp(prefix="switchlib-matrix-", dir="/tmp")
    )  # which is the same in every root
    homes = [directory / interpreter.name for interpreter in wanted]
    for home in homes:
        home.mkdir()
    print(LINE.format("name", "", *JOBS, "s"), flush=True)
    with ThreadPoolExecutor(asked.at_once) as pool:
        if not all([*pool.map(do, wanted, homes, repeat(asked.poison))]):
            print(f"\nwhat the red ones printed: {directory}/*/*.log")
            return 1
    directory.rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
