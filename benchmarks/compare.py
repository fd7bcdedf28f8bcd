"""switchlib against greenlet: alternating processes in one sitting, medians and the median of pairwise ratios.

    python benchmarks/compare.py [ROUNDS]

Needs both installed (`pip install -e '.[dev]'`). Prints a table in Markdown.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from cases import CASES

CASES_FILE = str(Path(__file__).with_name("cases.py"))


def measure(module: str, case: str, shortcuts: bool = True) -> float:
    environment = os.environ | {"SWITCHLIB_SHORTCUTS": str(int(shortcuts))}
    output = subprocess.run(
        [sys.executable, CASES_FILE, module, case], capture_output=True, text=True, check=True, env=environment
    ).stdout
    return float(output)


def main(rounds: int) -> None:
    print(f"CPython {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; {rounds} rounds")
    print()
    print("| case | greenlet, ns | switchlib, ns | ratio | all policy in Python, ratio |")
    print("|---|---|---|---|---|")
    for name, (title, _, _) in CASES.items():
        rows = []
        for _ in range(rounds):
            rows.append((measure("greenlet", name), measure("switchlib", name), measure("switchlib", name, False)))
        greenlet, switchlib, _ = (statistics.median(column) for column in zip(*rows, strict=True))
        ratio = statistics.median(ours / theirs for theirs, ours, _ in rows)
        policy = statistics.median(ours / theirs for theirs, _, ours in rows)
        print(f"| {title} | {greenlet:.0f} | {switchlib:.0f} | {ratio:.3f} | {policy:.2f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
