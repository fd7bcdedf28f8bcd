"""Measures switchlib, greenlet and their peers, and makes the tables and plots of the documentation.

    python benchmarks/run.py [PART ...] [--python PYTHON] [--case NAME ...] [--quick]

Implementations take turns, each time in a fresh process, so that what else the machine does falls on all of them.
pyperf keeps what was measured, in benchmarks/results/; a process there is a round here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pyperf
import report
from cases import CASES, Case
from environments import Environment, environment

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


@dataclass(frozen=True)
class Effort:
    rounds: int
    values: int
    """How often each process measures, beside once before it counts."""


FULL, QUICK = Effort(rounds=9, values=3), Effort(rounds=3, values=1)


@dataclass(frozen=True)
class Implementation:
    name: str
    module: str
    environ: dict[str, str] = field(default_factory=dict)


GREENLET = Implementation("greenlet", "greenlet")
SWITCHLIB = Implementation("switchlib", "switchlib")
POLICY = Implementation("switchlib-policy", "switchlib", {"SWITCHLIB_SHORTCUTS": "0"})


def measure(where: Environment, what: Implementation, case: Case, loops: int, values: int) -> pyperf.Benchmark:
    """One process."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SWITCHLIB"))}
    once = case.unit == "byte"
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "run.json"
        command = [where.python, str(HERE / "worker.py"), what.module, case.name, "--worker", f"--loops={loops}"]
        command += [f"--values={1 if once else values}", f"--warmups={0 if once else 1}", "-q", "-o", str(output)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=clean | what.environ, cwd=scratch
        )
        if done.returncode != 0:
            sys.exit(f"{what.name}, {case.name}, in {where.name}:\n{done.stdout}{done.stderr}")
        return pyperf.Benchmark.load(str(output))


def compare(where: Environment, cases: list[Case], effort: Effort, results: Path) -> None:
    """Rounds of greenlet, switchlib, and switchlib without shortcuts."""
    for case in cases:
        kinds = [GREENLET, SWITCHLIB, *([POLICY] if case.switches else [])]
        measured: dict[str, pyperf.Benchmark] = {}
        for number in range(effort.rounds):
            for what in kinds if number % 2 == 0 else reversed(kinds):
                run = measure(where, what, case, case.loops, effort.values)
                if what.name in measured:
                    measured[what.name].add_runs(run)
                else:
                    measured[what.name] = run
        for name, benchmark in measured.items():
            keep(results / f"{name}.json", benchmark)
        print(report.line(report.row(results, case.name, where)), flush=True)


def keep(file: Path, benchmark: pyperf.Benchmark) -> None:
    """Adds a benchmark to a file of pyperf's, in place of what it had of that name."""
    benchmarks = [benchmark]
    if file.exists():
        former = pyperf.BenchmarkSuite.load(str(file)).get_benchmarks()
        benchmarks += [each for each in former if each.get_name() != benchmark.get_name()]
    file.parent.mkdir(parents=True, exist_ok=True)
    pyperf.BenchmarkSuite(benchmarks).dump(str(file), replace=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["cases"], metavar="PART")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure with")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, kept apart: all cases in a minute")
    arguments = parser.parse_args()
    where = environment(arguments.python)
    results = RESULTS / (f"quick-{where.results}" if arguments.quick else where.results)
    cases = [CASES[name] for name in arguments.case or CASES]
    print(f"{where.name}; load {os.getloadavg()[0]:.1f}")
    print(report.HEADING)
    compare(where, cases, QUICK if arguments.quick else FULL, results)


if __name__ == "__main__":
    main()
