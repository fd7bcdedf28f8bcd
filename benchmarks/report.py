"""The tables, from what pyperf keeps."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

import pyperf
from cases import CASES, Case
from environments import Environment

POLICY_AT_MOST = 0.80
AT_MOST_ON_310 = {"create": 0.35, "memory": 0.6}


@dataclass(frozen=True)
class Row:
    case: Case
    greenlet: float
    switchlib: float
    ratio: float
    at_most: float | None
    policy: float | None
    policy_at_most: float


def rounds(file: Path, name: str) -> list[float]:
    """The median of each process."""
    runs = pyperf.BenchmarkSuite.load(str(file)).get_benchmark(name).get_runs()
    return [statistics.median(run.values) for run in runs]


def ratio(mine: list[float], theirs: list[float]) -> float:
    """The median of the ratios, pair by pair of processes that ran one after the other."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def row(results: Path, name: str, where: Environment) -> Row:
    case = CASES[name]
    greenlet, switchlib = (rounds(results / f"{each}.json", name) for each in ("greenlet", "switchlib"))
    policy = ratio(rounds(results / "switchlib-policy.json", name), greenlet) if case.switches else None
    return Row(
        case,
        statistics.median(greenlet),
        statistics.median(switchlib),
        ratio(switchlib, greenlet),
        at_most(name, where),
        policy,
        POLICY_AT_MOST * factor(where),
    )


def factor(where: Environment) -> float:
    """How much more than on CPython 3.11 is allowed of a ratio elsewhere."""
    return 1.0 if where.version.startswith("3.11.") else 1.15


def at_most(name: str, where: Environment) -> float | None:
    if where.implementation == "PyPy":
        return 1.1
    if where.version.startswith("3.10.") and name in AT_MOST_ON_310:
        return AT_MOST_ON_310[name]
    target = CASES[name].at_most
    return None if target is None else target if name == "importing" else target * factor(where)


def amount(value: float, unit: str) -> str:
    """Three digits, and a unit that suits."""
    if unit == "byte":
        return f"{value:,.0f} B"
    scales = ((1e9, "ns"), (1e6, "µs"), (1e3, "ms"))
    scale, name = next((each for each in scales if value * each[0] < 10_000), scales[-1])
    return f"{value * scale:,.{1 if value * scale < 100 else 0}f} {name}"


HEADING = f"{'':<40}{'greenlet':>14}{'switchlib':>14}{'ratio':>8}{'at most':>9}{'policy':>8}{'at most':>9}"


def line(row: Row) -> str:
    text = f"{row.case.title:<40}{amount(row.greenlet, row.case.unit):>14}{amount(row.switchlib, row.case.unit):>14}"
    text += f"{row.ratio:>8.3f}" + (f"{row.at_most:>9.3f}" if row.at_most else " " * 9)
    missed = row.at_most is not None and row.ratio > row.at_most
    if row.policy is not None:
        text += f"{row.policy:>8.2f}{row.policy_at_most:>9.2f}"
        missed |= row.policy > row.policy_at_most
    return text + ("  missed" if missed else "")
