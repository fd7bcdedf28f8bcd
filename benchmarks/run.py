"""Measures switchlib, greenlet and their peers, and makes the tables
and plots of the documentation.

    python benchmarks/run.py                    the cases, on switchlib and on greenlet
    python benchmarks/run.py --quick            the same in a minute, for a first look
    python benchmarks/run.py --all              all there is, and writes it into README.md and docs/

Implementations take turns, each time in a fresh process, so that what else the machine does falls
on all of them. The results are kept in benchmarks/results/: the cases by pyperf, where a process
is what is called a round here.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import instructions
import pyperf
import report
from cases import CASES, Case
from environments import CACHE, Environment, environment
from peers import PEERS

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Effort:
    rounds: int
    values: int
    """How often each process measures, after once that does not count."""
    looks: int
    """How often cliffs are looked for."""
    live: tuple[int, ...]
    """Among how many live greenlets."""
    collect: int = 100_000
    """How many suspended ones a collection meets."""
    alive: tuple[int, ...] = (100, 2_000, 50_000)
    """How many greenlets of a kind are alive at once."""


FULL = Effort(rounds=9, values=3, looks=3, live=(10, 100, 1_000, 10_000, 100_000, 1_000_000))
QUICK = Effort(
    rounds=3, values=1, looks=1, live=(10, 1_000, 100_000), collect=10_000, alive=(2_000,)
)


@dataclass(frozen=True)
class Implementation:
    name: str
    module: str
    environ: dict[str, str] = field(default_factory=dict)
    most_live: int = 1_000_000


GREENLET = Implementation(
    "greenlet", "greenlet", most_live=100_000
)  # a million would need six gigabytes
SWITCHLIB = Implementation("switchlib", "switchlib")
POLICY = Implementation("switchlib-policy", "switchlib", {"SWITCHLIB_SHORTCUTS": "0"})
TEALET = Implementation("tealet-greenlet", "tealet_greenlet")
GENERATORS = Implementation("generators", "generators")


def measure(where: Environment, what: Implementation, case: Case, values: int) -> pyperf.Benchmark:
    """One process."""
    loops = PEERS[what.name][case.name].loops if what.name in PEERS else case.loops
    once = case.unit == "byte"
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "run.json"
        command = [
            where.python,
            str(HERE / "worker.py"),
            what.module,
            case.name,
            "--worker",
            f"--loops={loops}",
        ]
        command += [
            f"--values={1 if once else values}",
            f"--warmups={0 if once else 1}",
            "-q",
            "-o",
            str(output),
        ]
        process(where, what, command)
        return pyperf.Benchmark.load(str(output))


def process(where: Environment, what: Implementation, command: list[str]) -> str:
    """What the command printed, run where no switchlib lies about."""
    environ = where.environ | what.environ
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environ, cwd=CACHE
    )
    if done.returncode != 0:
        sys.exit(f"{what.name} in {where.name}: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def run_cases(
    where: Environment, cases: list[Case], effort: Effort, peers: bool, results: Path
) -> None:
    print(report.HEADING)
    for case in cases:
        kinds = [GREENLET, SWITCHLIB]
        if case.switches:
            kinds.append(POLICY)
        if peers:
            kinds += peers_of(where, case)
        measured: dict[str, pyperf.Benchmark] = {}
        for number in range(effort.rounds):
            for what in kinds if number % 2 == 0 else reversed(kinds):
                run = measure(where, what, case, effort.values)
                if what.name in measured:
                    measured[what.name].add_runs(run)
                else:
                    measured[what.name] = run
        for name, benchmark in measured.items():
            keep(results / f"{name}.json", benchmark)
        print(report.line(report.row(results, case.name)), flush=True)


def peers_of(where: Environment, case: Case) -> list[Implementation]:
    if case.name not in report.PEER_CASES:
        return []
    peers = [Implementation(name, name) for name in PEERS if case.name in PEERS[name]]
    return peers if any("tealet" in name for name in where.missing) else [TEALET, *peers]


def keep(file: Path, benchmark: pyperf.Benchmark) -> None:
    """Adds a benchmark to a file of pyperf's, in place of what it had of that name."""
    benchmarks = [benchmark]
    if file.exists():
        former = pyperf.BenchmarkSuite.load(str(file)).get_benchmarks()
        benchmarks += [each for each in former if each.get_name() != benchmark.get_name()]
    pyperf.BenchmarkSuite(benchmarks).dump(str(file), replace=True)


def run_cliffs(where: Environment, effort: Effort, results: Path) -> None:
    """Of several processes that take turns the quickest counts:
    a cliff is there in each of them.
    """
    found: dict[str, dict[str, report.Cliff]] = {"greenlet": {}, "switchlib": {}, "generators": {}}
    looks = [["depth"], ["stacks"], *(["live", str(number)] for number in effort.live)]
    looks += [["collect", str(effort.collect), str(deep)] for deep in report.COLLECT_DEPTHS]
    for _ in range(effort.looks):
        for look in looks:
            for what in (GREENLET, SWITCHLIB, GENERATORS):
                if look[0] == "live" and int(look[1]) > what.most_live:
                    continue
                if look[0] in ("depth", "stacks") and what is GENERATORS:
                    continue
                output = process(
                    where, what, [where.python, str(HERE / "cliffs.py"), *look, what.module]
                )
                now, key = json.loads(output), " ".join(look)
                former = found[what.name].get(key, now)
                found[what.name][key] = min(now, former, key=report.CLIFFS[look[0]])
    (results / "cliffs.json").write_text(json.dumps(found, indent=1))
    print(report.cliffs(results))


def run_kinds(where: Environment, effort: Effort, results: Path) -> None:
    """Of several processes that take turns the quickest counts, and the median of the bytes."""
    found: dict[str, dict[str, report.Cost]] = {"greenlet": {}, "switchlib": {}}
    names = [*report.KINDS, *(f"alternating {kind}" for kind in report.ALTERNATING)]
    for number in effort.alive:
        for name in names:
            for depth in report.DEPTHS:
                looks: dict[str, list[report.Cost]] = {
                    what.name: [] for what in (GREENLET, SWITCHLIB)
                }
                for _ in range(effort.looks):
                    for what in (GREENLET, SWITCHLIB):
                        script = [
                            where.python,
                            str(HERE / "kinds.py"),
                            name,
                            str(depth),
                            str(number),
                            what.module,
                        ]
                        looks[what.name].append(json.loads(process(where, what, script)))
                for implementation, costs in looks.items():
                    found[implementation][f"{name} {depth} {number}"] = {
                        "seconds": min(cost["seconds"] for cost in costs),
                        "bytes": statistics.median(cost["bytes"] for cost in costs),
                    }
            (results / "kinds.json").write_text(json.dumps(found, indent=1))
            print(report.kinds_line(found, name, number), flush=True)


def run_spawns(where: Environment, effort: Effort, results: Path) -> None:
    """Of several processes that take turns the quickest counts."""
    shim = process(where, SWITCHLIB, [where.python, "-m", "switchlib", "shim"]).strip()
    shimmed = Implementation("switchlib", "greenlet", {"PYTHONPATH": shim})
    found: dict[str, dict[str, float]] = {"greenlet": {}, "switchlib": {}}
    for library in report.LIBRARIES:
        if any(each.startswith(library) for each in where.missing):
            continue
        for depth in report.DEPTHS[1:]:
            key = f"{library} {depth}"
            for _ in range(effort.looks):
                for what in (GREENLET, shimmed):
                    script = [
                        where.python,
                        "-W",
                        "ignore",
                        str(HERE / "spawns.py"),
                        library,
                        str(depth),
                        "1000",
                    ]
                    now = json.loads(process(where, what, script))["seconds"]
                    found[what.name][key] = min(now, found[what.name].get(key, now))
    (results / "spawns.json").write_text(json.dumps(found, indent=1))
    print(report.spawns(results))


def run_floors(where: Environment, effort: Effort, results: Path) -> None:
    """Of several processes the quickest counts: what takes longer in another one is no floor."""
    looks = [
        json.loads(process(where, SWITCHLIB, [where.python, str(HERE / "floors.py")]))
        for _ in range(effort.looks)
    ]

    def quickest(floors: list[report.Floor]) -> report.Floor:
        return min(floors, key=lambda floor: floor["seconds"])

    found = {
        "switches": {
            name: quickest([look["switches"][name] for look in looks])
            for name in looks[0]["switches"]
        },
        "copies": {
            copied: [min(places) for places in zip(*(look["copies"][copied] for look in looks))]
            for copied in looks[0]["copies"]
        },
        "read": quickest([look["read"] for look in looks]),
    }
    (results / "floors.json").write_text(json.dumps(found, indent=1))
    print(report.floors(results))


def run_instructions(where: Environment, cases: list[Case], results: Path) -> None:
    file = results / "instructions.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    for case in cases:
        if case.name in instructions.LEFT_OUT:
            continue
        kinds = [GREENLET, SWITCHLIB, *([POLICY] if case.switches else [])]
        found[case.name] = {
            what.name: instructions.layers(where, what.module, case, what.environ) for what in kinds
        }
        file.write_text(json.dumps(found, indent=1))
        totals = {name: round(sum(layers.values())) for name, layers in found[case.name].items()}
        print(
            f"{case.title:<42}",
            *(f"{name} {total:,}" for name, total in totals.items()),
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure with")
    parser.add_argument(
        "--case", action="append", choices=CASES, help="only this case; may be repeated"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds; what is measured is kept apart"
    )
    parser.add_argument(
        "--peers", action="store_true", help="the cases also with what one could use in their place"
    )
    parser.add_argument(
        "--cliffs",
        action="store_true",
        help="not the cases: calls, stacks and numbers of each size",
    )
    parser.add_argument(
        "--kinds", action="store_true", help="not the cases: what greenlets cost, by what they run"
    )
    parser.add_argument(
        "--spawns", action="store_true", help="not the cases: the spawn of gevent and of eventlet"
    )
    parser.add_argument(
        "--floors", action="store_true", help="not the cases: what a switch cannot do without"
    )
    parser.add_argument(
        "--instructions", action="store_true", help="not the cases: instruction counts, by valgrind"
    )
    parser.add_argument(
        "--write",
        nargs="*",
        metavar="TABLE",
        help="the results into README.md and docs/, or these tables",
    )
    parser.add_argument("--all", action="store_true")
    wanted = parser.parse_args()

    if wanted.write is None or wanted.all:
        where = environment(wanted.python)
        results = report.RESULTS / (f"quick-{where.results}" if wanted.quick else where.results)
        results.mkdir(parents=True, exist_ok=True)
        (results / "missing.json").write_text(json.dumps(where.missing))
        effort = QUICK if wanted.quick else FULL
        cases = [CASES[name] for name in wanted.case or CASES]
        others = (
            wanted.cliffs or wanted.kinds or wanted.spawns or wanted.floors or wanted.instructions
        )
        if not where.is_cpython and others:
            parser.error(
                "stack sizes cannot be measured here, nor can the instructions of a JIT compiler"
            )
        print(f"{where.name}; load {os.getloadavg()[0]:.1f}")
        if wanted.all or not others:
            run_cases(where, cases, effort, wanted.peers or wanted.all, results)
        if wanted.cliffs or (wanted.all and where.is_cpython):
            run_cliffs(where, effort, results)
        if wanted.kinds or (wanted.all and where.is_cpython):
            run_kinds(where, effort, results)
        if wanted.spawns or (wanted.all and where.is_cpython):
            run_spawns(where, effort, results)
        if wanted.floors or (wanted.all and where.is_cpython):
            run_floors(where, effort, results)
        if wanted.instructions or (wanted.all and where.is_cpython):
            run_instructions(where, cases, results)
    if wanted.all or wanted.write == []:
        import plots  # it takes a second, and matplotlib

        plots.draw()
    if wanted.all or wanted.write is not None:
        report.write(wanted.write or [])


if __name__ == "__main__":
    main()
