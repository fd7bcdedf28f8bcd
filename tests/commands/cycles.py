"""Which cycles through the frames of suspended greenlets are collected,
and do their `finally` blocks run?

    python -m tests.commands.cycles [PYTHON ...]

Prints a table: a row for each kind of cycle (tests/cycles.py), a column for each interpreter
given (default: this one). "run" means that a collection found it, and that its `finally`
block had run when the next loop was over; "run at next use" that this took a use of
greenlets; "no" that the cycle stays.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def outcome_of(number: int) -> str:
    from switchlib import getcurrent
    from tests.cycles import KINDS, Ended

    kind = KINDS[number]
    ended: Ended = []
    kind.make(ended)
    gc.collect()
    for _ in range(10):
        pass
    soon = len(ended) == kind.greenlets
    for _ in range(3):
        getcurrent()
        gc.collect()
    if len(ended) == kind.greenlets:
        return "run" if soon else "run at next use"
    return "no"


def measure() -> dict[str, str]:
    """In this interpreter: what becomes of each kind, in the main thread,
    and of the first in another thread.
    """
    from tests.cycles import KINDS

    found = {kind.name: outcome_of(number) for number, kind in enumerate(KINDS)}
    thread = threading.Thread(
        target=lambda: found.update({f"{KINDS[0].name}, in another thread": outcome_of(0)})
    )
    thread.start()
    thread.join()
    return found


def ask(python: str) -> tuple[str, dict[str, str]]:
    done = subprocess.run(
        [*python.split(), "-m", "tests.commands.cycles", "--json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    name, found = json.loads(done.stdout)
    return name, found


def table(columns: list[tuple[str, dict[str, str]]]) -> str:
    rows = [["kind of cycle", *(name for name, _ in columns)], ["---"] * (1 + len(columns))]
    for kind in columns[0][1]:
        rows.append([kind, *(found[kind] for _, found in columns)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(arguments: list[str]) -> None:
    name = platform.python_version()
    if sys.implementation.name == "pypy":
        name = f"PyPy {'.'.join(map(str, sys.pypy_version_info[:3]))}"  # type: ignore[attr-defined]
    if arguments == ["--json"]:
        print(json.dumps([name, measure()]))
    elif arguments:
        print(table([ask(python) for python in arguments]))
    else:
        print(table([(name, measure())]))


if __name__ == "__main__":
    main(sys.argv[1:])
