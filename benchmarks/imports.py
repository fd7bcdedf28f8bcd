"""How long it takes to import switchlib, compared with greenlet:
`python benchmarks/imports.py [--rounds N] [PYTHON]`.

Fresh processes take turns. Each reports how long its import took, by the clock and in processor
time. Prints the medians, and the medians of the ratios to greenlet, round by round; ends with 1 if
one of these is over its limit.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

from environments import Environment, environment

IMPORT = """
from time import perf_counter, process_time
clock, used = perf_counter(), process_time()
import {}
print(perf_counter() - clock, process_time() - used)
"""
WAYS = {
    "import greenlet, greenlet's": ("greenlet", False),
    "import switchlib": ("switchlib", False),
    "import greenlet, through the shim": ("greenlet", True),
}
LIMITS = {"import switchlib": 1.2, "import greenlet, through the shim": 1.3}


def measure(where: Environment, module: str, shim: str) -> tuple[float, float]:
    """Seconds of one import in a fresh process, by the clock and of the processor."""
    environ = where.environ | ({"PYTHONPATH": shim} if shim else {})
    command = [where.python, "-c", IMPORT.format(module)]
    printed = subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True
    ).stdout
    clock, used = printed.split()
    return float(clock), float(used)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("python", nargs="?", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    where = environment(arguments.python)
    shim = subprocess.run(
        [where.python, "-m", "switchlib", "shim"],
        env=where.environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for round_number in range(arguments.rounds + 1):
        for way, (module, through_shim) in WAYS.items():
            once = measure(where, module, shim if through_shim else "")
            if round_number > 0:  # the first may find nothing compiled
                taken[way].append(once)
    baseline = taken[next(iter(WAYS))]
    over = False
    print(f"{where.name}, {arguments.rounds} rounds{os.linesep}")
    print("| | clock | ratio | processor | ratio |\n|---|--:|--:|--:|--:|")
    for way, times in taken.items():
        cells = []
        for which in (0, 1):
            ratio = statistics.median(
                ours[which] / theirs[which] for ours, theirs in zip(times, baseline)
            )
            cells += [
                f"{statistics.median(each[which] for each in times) * 1e6:,.0f} µs",
                f"{ratio:.2f}",
            ]
            over |= ratio > LIMITS.get(way, 1)
        print(f"| {way} | {' | '.join(cells)} |")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
