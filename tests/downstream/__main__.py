"""Runs the tests of the programs that stand on greenlet, on greenlet and on switchlib in turn.

    python -m tests.downstream [PROGRAM ...]    their tests, or what the program is for
    python -m tests.downstream speed            the cost of gevent's operations, gunicorn under load
    python -m tests.downstream --short          a few tests of gevent's and SQLAlchemy's

Two environments are made in the user's cache directory, with the versions of requirements.txt; in
switchlib's there is no greenlet, so that nothing can go past the shim. All runs in a network of its
own that has only the loopback interface. Prints a table: the tests that passed and failed, and
switchlib's time and memory as parts of greenlet's.

A test is worse if it fails in three runs on switchlib and passes in three on greenlet; those that
failed on switchlib alone are run again until that is settled. Ends with 1 if one is worse, or if
anything crashed on switchlib.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter

from tests.downstream import environments, speed
from tests.downstream.suites import SHORT, SUITES, Absent, Outcome, Suite

RUNS = 3
SPEED = "speed"
SPEED_ROUNDS = 5
HEADER = (
    f"{'program':<12}{'greenlet: passed':>18}{'failed':>8}{'switchlib: passed':>19}{'failed':>8}"
)
HEADER += f"{'worse':>7}{'time':>7}{'memory':>8}"


class Comparison:
    """The runs of one program's tests in both environments."""

    def __init__(
        self, suite: Suite, pair: tuple[environments.Environment, environments.Environment]
    ) -> None:
        self.suite = suite
        self.pair = pair
        self.outcomes: dict[str, list[Outcome]] = {"greenlet": [], "switchlib": []}
        self.failures: dict[str, Counter[str]] = {"greenlet": Counter(), "switchlib": Counter()}
        self.crashes: set[str] = set()

    def run(self, rounds: int) -> None:
        for number in range(rounds):
            self._run_both(number, set())
        for number in range(rounds, RUNS):
            if suspects := self.suspects(number):
                self._run_both(number, suspects)

    def _run_both(self, number: int, only: set[str]) -> None:
        for environment in self.pair if number % 2 == 0 else self.pair[::-1]:
            outcome = self.suite.run(environment, only)
            self.failures[environment.name].update(outcome.bad.keys())
            if environment.name == "switchlib":
                self.crashes |= {test for test, how in outcome.bad.items() if how == "crashed"}
            if not only:
                self.outcomes[environment.name].append(outcome)

    def suspects(self, runs: int) -> set[str]:
        """The tests that failed on switchlib in each of so many runs, and on greenlet in none."""
        failed = self.failures["switchlib"].items()
        return {
            test for test, times in failed if times == runs and not self.failures["greenlet"][test]
        }

    @property
    def worse(self) -> set[str]:
        return self.suspects(RUNS)

    def ratio(self, what: str) -> float:
        pairs = zip(self.outcomes["switchlib"], self.outcomes["greenlet"], strict=True)
        ratios: list[float] = [
            getattr(ours, what) / getattr(theirs, what) for ours, theirs in pairs
        ]
        return statistics.median(ratios)

    def row(self) -> str:
        theirs, ours = self.outcomes["greenlet"][0], self.outcomes["switchlib"][0]
        return (
            f"{self.suite.name:<12}{theirs.passed:>18}{len(theirs.bad):>8}{ours.passed:>19}{len(ours.bad):>8}"
            f"{len(self.worse):>7}{self.ratio('seconds'):>7.2f}{self.ratio('megabytes'):>8.2f}"
        )

    def remarks(self) -> list[str]:
        lines = [f"WORSE    {test}" for test in sorted(self.worse)]
        lines += [f"CRASHED  {test}" for test in sorted(self.crashes)]
        for test in sorted(
            (self.failures["switchlib"] | self.failures["greenlet"]).keys() - self.worse
        ):
            times = [f"{self.failures[name][test]} on {name}" for name in ("greenlet", "switchlib")]
            lines.append(f"failed   {test}: {', '.join(times)}")
        return [f"{line[:9]}{self.suite.name}: {line[9:]}" for line in lines]


def compare(suites: list[Suite], pair: speed.Pair, rounds: int) -> int:
    """Prints the table of the programs' tests; returns how many are worse,
    or crashed on switchlib.
    """
    remarks: list[str] = []
    passed = failed = 0
    print(HEADER, flush=True)
    for suite in suites:
        comparison = Comparison(suite, pair)
        try:
            comparison.run(rounds)
        except Absent as missing:
            remarks.append(f"left out {suite.name}: there is no {missing}")
            continue
        print(comparison.row(), flush=True)
        remarks += comparison.remarks()
        passed += comparison.outcomes["switchlib"][0].passed
        failed += len(comparison.worse | comparison.crashes)
    print("\ntime: of processors; memory: of the largest process; both as parts of greenlet's")
    print(*remarks, "", f"{passed} passed, {failed} failed", sep="\n", flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.downstream",
        description="The programs' own tests on greenlet and on switchlib, in turn.",
    )
    parser.add_argument("--short", action="store_true", help="a few tests of gevent and SQLAlchemy")
    parser.add_argument(
        "--rounds", type=int, default=1, help="how often each runs all its tests (default: 1)"
    )
    parser.add_argument(
        "program", nargs="*", help=f"of {', '.join([*SUITES, SPEED])} (default: all)"
    )
    arguments = parser.parse_args()
    suites = SHORT if arguments.short else SUITES
    programs = arguments.program or [*suites, *([] if arguments.short else [SPEED])]
    if unknown := set(programs) - {*suites, SPEED}:
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    pair = environments.both()
    failed = 0
    if chosen := [suites[name] for name in programs if name != SPEED]:
        failed = compare(chosen, pair, arguments.rounds)
    if SPEED in programs:
        try:
            print(*speed.measure(pair, max(arguments.rounds, SPEED_ROUNDS)), sep="\n")
        except Absent as missing:
            print(f"left out {SPEED}: there is no {missing}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
