"""The tables, from what is kept in benchmarks/results/,
for the terminal and for the documentation.
"""

from __future__ import annotations

import functools
import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyperf
from cases import CASES, Case
from environments import NEEDED, ROOT

RESULTS = ROOT / "benchmarks" / "results"
POLICY_AT_MOST = 0.80
AT_MOST_ON_310 = {"create": 0.35, "memory": 0.6}
PEER_CASES = ("switch", "create", "ring", "memory")

KINDS = (
    "function",
    "closure",
    "bound method",
    "subclass",
    "partial",
    "callable object",
    "c function",
    "cython function",
)
ALTERNATING = ("subclass", "cython function")
DEPTHS = (0, 1, 4, 10, 20)
KINDS_AT_MOST = 0.25
BYTES_AT_MOST = {0: 0.35, 1: 0.35, 4: 0.35, 10: 0.45, 20: 0.65}
LIBRARIES = ("gevent", "eventlet")
SPAWNS_AT_MOST = 0.45
GAINS = {
    "switch": "switch to another greenlet",
    "throw": "throw an exception into another, which catches it",
    "create": "create a greenlet, run an empty function, end",
    "sqlalchemy": "the same with one `await`, as SQLAlchemy's asyncio does it",
    "gevent 4": "`gevent.spawn`, wait for an event, end; 1,000 alive",
    "eventlet 4": "`eventlet.spawn`, wait for an event, end; 1,000 alive",
    "memory": "memory of a suspended greenlet",
    "importing": "`import`, once for each process",
}
"""The README's table: cases and spawns, in a reader's words."""

Cost: TypeAlias = dict[str, float]
Cliff: TypeAlias = dict[str, Any]
Floor: TypeAlias = dict[str, Any]
CLIFFS: dict[str, Callable[[Cliff], float]] = {
    "depth": lambda found: float(found["dearest"] / found["median"]),
    "stacks": lambda found: float(found["over"]),
    "live": lambda found: float(found["cost"]),
    "collect": lambda found: float(found["frame"]),
}
"""How bad a cliff is: of several measurements the least counts."""
COLLECT_DEPTHS = (1, 5)
COLLECT_AT_MOST = 1.5
"""Times what generators take, a frame."""


@dataclass(frozen=True)
class Row:
    case: Case
    greenlet: float
    switchlib: float
    ratio: float
    at_most: float | None
    policy: float | None
    policy_at_most: float

    @property
    def missed(self) -> bool:
        return self.at_most is not None and self.ratio > self.at_most

    @property
    def policy_missed(self) -> bool:
        return self.policy is not None and self.policy > self.policy_at_most


class Unmeasured(Exception):
    """A table would have fewer columns than the documentation has."""


# Reading results


@functools.lru_cache
def _suite(file: Path, modified: float) -> pyperf.BenchmarkSuite:
    return pyperf.BenchmarkSuite.load(str(file))


def benchmark(results: Path, implementation: str, name: str) -> pyperf.Benchmark | None:
    file = results / f"{implementation}.json"
    if not file.exists():
        return None
    suite = _suite(file, file.stat().st_mtime)
    return suite.get_benchmark(name) if name in suite.get_benchmark_names() else None


def rounds(results: Path, implementation: str, name: str) -> list[float]:
    """The median of each process; none if it was not measured."""
    found = benchmark(results, implementation, name)
    return [] if found is None else [statistics.median(run.values) for run in found.get_runs()]


def ratio(mine: list[float], theirs: list[float]) -> float:
    """The median of the ratios, pair by pair of processes that ran one after the other."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def interpreter(results: Path) -> str:
    return (
        results.name.removeprefix("quick-")
        .rsplit("-", 1)[0]
        .replace("cpython-", "CPython ")
        .replace("pypy-", "PyPy ")
    )


def row(results: Path, name: str) -> Row:
    case = CASES[name]
    greenlet, switchlib, policy = (
        rounds(results, each, name) for each in ("greenlet", "switchlib", "switchlib-policy")
    )
    return Row(
        case,
        statistics.median(greenlet),
        statistics.median(switchlib),
        ratio(switchlib, greenlet),
        at_most(name, interpreter(results)),
        ratio(policy, greenlet) if policy else None,
        POLICY_AT_MOST * (1 if is_reference(interpreter(results)) else 1.15),
    )


def rows(results: Path) -> list[Row]:
    return [row(results, name) for name in CASES if rounds(results, "switchlib", name)]


def is_reference(interpreter: str) -> bool:
    return interpreter.startswith("CPython 3.11.")


def at_most(name: str, interpreter: str) -> float | None:
    """The target for the ratio."""
    target = CASES[name].at_most
    if target is None or name == "importing" or is_reference(interpreter):
        return target
    if interpreter.startswith("PyPy"):
        return 1.1
    if interpreter.startswith("CPython 3.10.") and name in AT_MOST_ON_310:
        return AT_MOST_ON_310[name]
    return 1.15 * target


# For the terminal


def amount(value: float, unit: str, largest: float | None = None) -> str:
    """Two or three digits, and a unit that suits this value, or the largest of a row."""
    if unit == "byte":
        return f"{value:,.0f} B"
    scales = ((1e9, "ns"), (1e6, "µs"), (1e3, "ms"))
    largest = value if largest is None else largest
    scale, name = next((each for each in scales if largest * each[0] < 10_000), scales[-1])
    digits = 2 if value * scale < 10 and largest != value else 1 if value * scale < 100 else 0
    return f"{value * scale:,.{digits}f} {name}"


HEADING = f"{'':<42}{'greenlet':>12}{'switchlib':>12}{'ratio':>8}{'at most':>9}"
HEADING += f"{'policy':>8}{'at most':>9}"


def line(row: Row) -> str:
    greenlet, switchlib = (amount(each, row.case.unit) for each in (row.greenlet, row.switchlib))
    text = f"{row.case.title:<42}{greenlet:>12}{switchlib:>12}"
    text += f"{row.ratio:>8.3f}" + (f"{row.at_most:>9.3f}" if row.at_most else " " * 9)
    if row.policy is not None:
        text += f"{row.policy:>8.2f}{row.policy_at_most:>9.2f}"
    return text + ("  missed" if row.missed or row.policy_missed else "")


# For the documentation


def table(heading: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    """In Markdown."""
    titles = list(heading)
    lines = [titles, ["---"] + ["--:"] * (len(titles) - 1), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def bold(text: str, condition: bool) -> str:
    return f"**{text}**" if condition else text


def cases_table(results: Path) -> str:
    heading = ["", "greenlet", "switchlib", "ratio", "at most", "all policy in Python"]
    body = []
    for each in rows(results):
        cells = [
            each.case.title,
            amount(each.greenlet, each.case.unit),
            amount(each.switchlib, each.case.unit),
        ]
        cells.append(bold(f"{each.ratio:.3f}", each.missed))
        cells.append(f"{each.at_most:.2f}" if each.at_most else "")
        cells.append("" if each.policy is None else bold(f"{each.policy:.2f}", each.policy_missed))
        body.append(cells)
    return f"{sitting(results)}\n\n{table(heading, body)}"


def gains_table(results: Path) -> str:
    """What the README shows of all that was measured."""
    spawned: dict[str, dict[str, float]] = json.loads((results / "spawns.json").read_text())
    body = []
    for name, title in GAINS.items():
        if name in CASES:
            found = row(results, name)
            theirs, mine, ratio, unit = (
                found.greenlet,
                found.switchlib,
                found.ratio,
                found.case.unit,
            )
        else:
            theirs, mine, unit = spawned["greenlet"][name], spawned["switchlib"][name], "second"
            ratio = mine / theirs
        largest = max(theirs, mine)
        shown = (amount(each, unit, largest) for each in (theirs, mine))
        body.append([title, *shown, f"{ratio:.3f}"])
    return f"{sitting(results)}\n\n{table(['', 'greenlet', 'switchlib', 'ratio'], body)}"


def machine(results: Path) -> str:
    """The versions, the machine and the date."""
    found = benchmark(results, "switchlib", "switch")
    if found is None:
        raise Unmeasured("no case was measured in that sitting, so its machine is not known")
    known = found.get_metadata()
    greenlet = (
        next(pin for pin in NEEDED if pin.startswith("greenlet")).split(";")[0].replace("==", " ")
    )
    if interpreter(results).startswith("PyPy"):
        greenlet = "its own greenlet"
    return (
        f"{interpreter(results)}, {greenlet}; {known['cpu_model_name']}, {known['cpu_count']} "
        f"cores, {known['platform'].split('-')[0]}; {found.get_dates()[0]:%Y-%m-%d}"
    )


def sitting(results: Path) -> str:
    """The same, and how often it was measured."""
    found = benchmark(results, "switchlib", "switch")
    return f"{machine(results)}; {0 if found is None else found.get_nrun()} rounds."


def versions_table(directories: list[Path]) -> str:
    """The ratios on each interpreter."""
    if len(directories) == 1:
        raise Unmeasured("no other interpreter was measured")
    body = []
    for name, case in CASES.items():
        cells = [case.title]
        for results in directories:
            if rounds(results, "switchlib", name):
                found = row(results, name)
                cells.append(bold(f"{found.ratio:.3f}", found.missed))
            else:
                cells.append("")
        body.append(cells)
    return table(["ratio to greenlet", *(interpreter(each) for each in directories)], body)


def peers_table(results: Path) -> str:
    names = ("greenlet", "switchlib", "tealet-greenlet", "generators", "asyncio", "threads")
    present = [name for name in names if any(rounds(results, name, case) for case in PEER_CASES)]
    if not set(present) - {"greenlet", "switchlib"}:
        raise Unmeasured("no peer was")
    body = []
    for case in PEER_CASES:
        cells = [CASES[case].title]
        for name in present:
            found = rounds(results, name, case)
            cells.append(amount(statistics.median(found), CASES[case].unit) if found else "")
        body.append(cells)
    missing = json.loads((results / "missing.json").read_text())
    reasons = "".join(
        f"\n\n{peer} could not be installed: `{reason}`." for peer, reason in missing.items()
    )
    return table(["", *present], body) + reasons


def cliffs(results: Path) -> str:
    found: dict[str, dict[str, Cliff]] = json.loads((results / "cliffs.json").read_text())

    def line(
        title: str, bound: str, key: str, value: Callable[[dict[str, Cliff]], str]
    ) -> list[str]:
        return [title, *(value(of) if key in of else "" for of in found.values()), bound]

    def times(of: dict[str, Cliff]) -> str:
        most = max(int(key.split()[1]) for key in of if key.startswith("live"))
        return f"{of[f'live {most}']['cost'] / of['live 10']['cost']:.1f} (of {most:,})"

    def bad(of: dict[str, Cliff]) -> str:
        return f"{CLIFFS['depth'](of['depth']):.1f}"

    def over(of: dict[str, Cliff]) -> str:
        return f"{CLIFFS['stacks'](of['stacks']):.2f}"

    def switch(key: str) -> Callable[[dict[str, Cliff]], str]:
        return lambda of: amount(of[key]["cost"], "second")

    def frame(key: str) -> Callable[[dict[str, Cliff]], str]:
        return lambda of: amount(of[key]["frame"], "second")

    def young(key: str) -> Callable[[dict[str, Cliff]], str]:
        return lambda of: amount(of[key]["young"], "second")

    def collect(key: str) -> list[list[str]]:
        _, number, deep = key.split()
        of = f"of {int(number):,} suspended, {deep} deep"
        at_most = found["generators"][key]["frame"] * COLLECT_AT_MOST
        return [
            line(
                f"a full collection {of}: for each frame",
                amount(at_most, "second"),
                key,
                frame(key),
            ),
            line(
                f"a young collection, while it has {int(number):,} old ones, {deep} deep",
                "",
                key,
                young(key),
            ),
        ]

    keys = [key for key in found["switchlib"] if key.startswith("live")]
    body = [
        line(
            "a call at the most expensive depth and frame size, as a multiple of the median",
            "2",
            "depth",
            bad,
        ),
        line(
            "a switch at the most expensive stack size, as a multiple of the straight line",
            "2",
            "stacks",
            over,
        ),
        *(
            line(f"a switch among {int(key.split()[1]):,} in random order", "", key, switch(key))
            for key in keys
        ),
        line(
            "a switch among the most greenlets, as a multiple of one among 10",
            "8",
            "live 10",
            times,
        ),
        line(
            f"{int(keys[-1].split()[1]):,} live: bytes resident",
            "1.4 GB" if keys[-1] == "live 1000000" else "",
            keys[-1],
            lambda of: f"{of[keys[-1]]['resident'] / 1e9:.2f} GB",
        ),
        *(row for key in found["switchlib"] if key.startswith("collect") for row in collect(key)),
    ]
    return table(["", *found, "at most"], body)


Kinds: TypeAlias = dict[str, dict[str, Cost]]


def kind_cells(found: Kinds, name: str, depth: int, number: int) -> tuple[float, float]:
    """The ratios of the time and of the bytes."""
    greenlet, switchlib = (
        found[what][f"{name} {depth} {number}"] for what in ("greenlet", "switchlib")
    )
    return switchlib["seconds"] / greenlet["seconds"], switchlib["bytes"] / greenlet["bytes"]


def kinds_line(found: Kinds, name: str, number: int) -> str:
    """The ratios of one kind, for the terminal."""
    cells = (kind_cells(found, name, depth, number) for depth in DEPTHS)
    return f"{name:<28}{number:>8,}" + "".join(f"  {time:.3f} {room:.3f}" for time, room in cells)


def kinds_limit(interpreter: str) -> float:
    return 1 if is_reference(interpreter) else 1.15


def kinds_table(results: Path) -> str:
    """All ratios, of the time and of the bytes."""
    found: Kinds = json.loads((results / "kinds.json").read_text())
    more = kinds_limit(interpreter(results))
    body = []
    for number in (100, 2_000, 50_000):
        for name in (*KINDS, *(f"alternating {kind}" for kind in ALTERNATING)):
            cells = [f"{number:,} alive: {kind_title(name)}"]
            for depth in DEPTHS:
                if f"{name} {depth} {number}" not in found["switchlib"]:
                    break
                time, room = kind_cells(found, name, depth, number)
                cell = bold(f"{time:.2f}", time > KINDS_AT_MOST * more)
                if number > 100:
                    cell += " / " + bold(f"{room:.2f}", room > BYTES_AT_MOST[depth] * more)
                cells.append(cell)
            else:
                body.append(cells)
    limits = [
        "at most",
        *(f"{KINDS_AT_MOST * more:.2f} / {BYTES_AT_MOST[depth] * more:.2f}" for depth in DEPTHS),
    ]
    return (
        f"{machine(results)}.\n"
        "\n"
        f"{table(['time / bytes', *(f'{depth} deep' for depth in DEPTHS)], [*body, limits])}"
    )


def kind_title(name: str) -> str:
    return (
        name.replace("c function", "C function")
        .replace("cython", "Cython")
        .replace("subclass", "subclass's `run`")
    )


def kinds_summary(results: Path) -> str:
    """Eight rows: each kind, 4 calls deep, 2,000 alive."""
    found: Kinds = json.loads((results / "kinds.json").read_text())
    body = []
    for name in KINDS:
        greenlet, switchlib = (found[what][f"{name} 4 2000"] for what in ("greenlet", "switchlib"))
        time, room = kind_cells(found, name, 4, 2_000)
        cells = [kind_title(name)]
        cells += [amount(each["seconds"], "second") for each in (greenlet, switchlib)] + [
            f"{time:.3f}"
        ]
        cells += [amount(each["bytes"], "byte") for each in (greenlet, switchlib)] + [f"{room:.3f}"]
        body.append(cells)
    heading = ["`run` is", "greenlet, time", "switchlib, time", "ratio"]
    heading += ["greenlet, bytes", "switchlib, bytes", "ratio"]
    return f"{machine(results)}.\n\n{table(heading, body)}"


def spawns(results: Path) -> str:
    found: dict[str, dict[str, float]] = json.loads((results / "spawns.json").read_text())
    body = []
    for key, mine in found["switchlib"].items():
        library, depth = key.split()
        theirs = found["greenlet"][key]
        cells = [f"{library}.spawn, {depth} deep", amount(theirs, "second"), amount(mine, "second")]
        ratio = bold(
            f"{mine / theirs:.3f}",
            mine / theirs > SPAWNS_AT_MOST * kinds_limit(interpreter(results)),
        )
        body.append([*cells, ratio])
    return table(["spawn, wait, end; 1,000 alive", "on greenlet", "on switchlib", "ratio"], body)


def floors(results: Path) -> str:
    found = json.loads((results / "floors.json").read_text())
    switches: dict[str, Floor] = found["switches"]
    read: Floor = found["read"]
    body, in_python = [], []
    for name, floor in switches.items():
        cells = [CASES[name].title, f"{floor['bytes']:,} B"]
        cells += [amount(floor[part], "second") for part in ("call", "switch", "state", "seconds")]
        body.append(cells)
        in_python.append([CASES[name].title, amount(floor["decided"], "second")])
        if rounds(results, "switchlib", name):
            measured, greenlet = row(results, name), min(rounds(results, "greenlet", name))
            body[-1] += floor_and_ratio(
                floor["seconds"] / greenlet, measured.ratio, measured.at_most
            )
            in_python[-1] += floor_and_ratio(
                floor["decided"] / greenlet, measured.policy, measured.policy_at_most
            )
    copies = [
        [f"{int(copied):,} B", *(amount(seconds, "second") for seconds in places)]
        for copied, places in found["copies"].items()
    ]
    ratios = ["at least", "measured", "at most"]
    places = [
        "copy of",
        "same offset in a cache line",
        "another offset",
        "less than a cache line apart, modulo 4 KiB",
    ]
    waits = (
        f"To follow pointers through {read['blocks']:,} blocks of {read['bytes']:,} bytes, in "
        f"random order, takes {amount(read['seconds'], 'second')} for each block."
    )
    return "\n\n".join(
        (
            table(
                [
                    "one switch",
                    "copied",
                    "a call",
                    "registers, copy",
                    "thread state",
                    "total",
                    *ratios,
                ],
                body,
            ),
            table(["all policy in Python", "total with a decision", *ratios], in_python),
            table(places, copies),
            waits,
        )
    )


def floor_and_ratio(least: float, ratio: float | None, at_most: float | None) -> list[str]:
    """What is more than the target is bold.

    A floor is the quickest of several, as is the figure of greenlet next to it.
    """
    if ratio is None or at_most is None:
        return [f"{least:.3f}", "", ""]
    return [
        bold(f"{least:.3f}", least > at_most),
        bold(f"{ratio:.3f}", ratio > at_most),
        f"{at_most:.3f}",
    ]


def instructions_tables(results: Path) -> str:
    found = json.loads((results / "instructions.json").read_text())
    switch = found["switch"]
    names = ("greenlet", "switchlib")
    body = [
        [layer, *(f"{switch[name][layer]:.0f}" for name in names)]
        for layer in switch["switchlib"]
        if any(round(switch[name][layer]) for name in names)
    ]
    body.append(["total", *(f"{sum(switch[name].values()):.0f}" for name in names)])
    totals = []
    for name, case in CASES.items():
        if name in found:
            sums = {each: sum(layers.values()) for each, layers in found[name].items()}
            cells = [case.title, *(f"{sums[each]:,.0f}" for each in names)]
            cells.append(f"{sums['switchlib'] / sums['greenlet']:.3f}")
            cells.append(f"{sums['switchlib-policy']:,.0f}" if "switchlib-policy" in sums else "")
            totals.append(cells)
    return (
        table(["one switch, instructions", *names], body)
        + "\n\n"
        + table(["instructions for one operation", *names, "ratio", "all policy in Python"], totals)
    )


def write(wanted: list[str]) -> None:
    """Puts the tables of these names, or all, between their marks in
    README.md and docs/performance.md.

    What was not measured stays as it is.
    """
    directories = sorted(path for path in RESULTS.iterdir() if not path.name.startswith("quick-"))
    reference = next(path for path in directories if is_reference(interpreter(path)))
    blocks: dict[str, Callable[[], str]] = {
        "gains": lambda: gains_table(reference),
        "targets": lambda: cases_table(reference),
        "versions": lambda: versions_table(directories),
        "peers": lambda: peers_table(reference),
        "cliffs": lambda: cliffs(reference),
        "kinds": lambda: kinds_table(reference),
        "kinds-summary": lambda: kinds_summary(reference),
        "spawns": lambda: spawns(reference),
        "floors": lambda: floors(reference),
        "instructions": lambda: instructions_tables(reference),
    }
    for file in (ROOT / "README.md", ROOT / "docs" / "performance.md"):
        text = file.read_text()
        for name, block in blocks.items():
            begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
            before, mark, rest = text.partition(begin)
            if mark and (not wanted or name in wanted):
                try:
                    text = f"{before}{begin}{block()}\n{rest[rest.index(end) :]}"
                except (FileNotFoundError, Unmeasured) as missing:
                    print(f"{file.name}: {name} stays as it is: {missing}")
        file.write_text(text)
