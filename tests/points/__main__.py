"""python -m tests.points: see __init__.py."""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.points.build import ROOT, build

PATIENCE = 300  # seconds for an operation


@dataclass
class Report:
    """What came of an operation's runs."""

    runs: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    """By place: how often it was passed, 0 included."""
    faults: list[str] = field(default_factory=list)


def operations() -> list[str]:
    """Read, not imported: switchlib is not to be loaded in this process."""
    tree = ast.parse((Path(__file__).parent / "world.py").read_text())
    (listed,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "OPERATIONS"
    ]
    return [node.id for node in ast.walk(listed) if isinstance(node, ast.Name)]


def run(extension: Path, operation: str, every: int, offset: int) -> Report:
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.points.worker"]
    report, last = Report(), None
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [*command, str(extension), operation, str(every), str(offset)],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": "0"},
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
        output.seek(0)
        for line in output:
            last = json.loads(line)
            take(report, operation, last)
    if process.returncode or last is None or "points" not in last:
        report.faults.append(
            f"{operation}: ended with {process.returncode} in {last}\n{errors[-2000:]}"
        )
    return report


def take(report: Report, operation: str, told: dict[str, Any]) -> None:
    if "run" in told:
        report.runs += 1
        report.faults.append(f"{operation}: {told['run']}")  # until it is told how it went
    elif "place" in told:
        run = report.faults.pop()
        report.struck[str(told["place"])] += 1
        if told["left"] or not told["like"]:
            what = "left something behind" if told["left"] else "differs"
            report.faults.append(f"{run} at {told['place']} {what}: {told['outcome']}")
    else:
        for file, line, call, reached in told["points"]:
            report.reached[f"{file}:{line} {call}"] += reached


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.points", description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="do every N-th run")
    parser.add_argument(
        "--offset", type=int, default=0, metavar="N", help="begin with the N-th run, counted from 0"
    )
    parser.add_argument(
        "--only", action="append", choices=operations(), help="an operation, instead of all"
    )
    parser.add_argument(
        "--places", action="store_true", help="also list the places, and how often each was struck"
    )
    options = parser.parse_args()
    total = Report()
    with tempfile.TemporaryDirectory() as scratch:
        extension = build(Path(scratch))
        for operation in options.only or operations():
            report = run(extension, operation, options.every, options.offset)
            print(f"{operation:<42} {report.runs:>6} runs, {len(report.faults)} faults", flush=True)
            total.runs += report.runs
            total.struck += report.struck
            total.reached.update(report.reached)
            total.faults += report.faults
    if options.places:
        for place in sorted(total.reached):
            print(f"{total.struck[place]:>7} struck {total.reached[place]:>9} passed  {place}")
    print(
        f"{total.runs} runs struck {len(total.struck)} of {len(total.reached)} places; "
        f"{sum(not total.reached[place] for place in total.reached)} places were never passed"
    )
    for fault in total.faults:
        print(f"FAULT {fault}")
    passed = total.runs - len(total.faults)
    print(f"{passed} passed, {len(total.faults)} failed")
    return 1 if total.faults or not total.runs else 0


if __name__ == "__main__":
    sys.exit(main())
