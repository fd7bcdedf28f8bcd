"""Reads a process whose greenlets switch all the time, again and again.

    python -m tests.commands.mixtures [--readings N] [--greenlets N] [--nonblocking]

Each greenlet goes through a sequence of functions of its own, so that a stack that is mixed from
two moments is seen. Prints what was read, and exits with 1 if there was a mixture.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from switchlib.introspection.reader import Reader
from tests.introspection.mixtures import Check

TARGET = Path(__file__).resolve().parents[1] / "introspection" / "targets" / "storm.py"


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readings", type=int, default=100_000)
    parser.add_argument("--greenlets", type=int, default=1_000)
    parser.add_argument("--nonblocking", action="store_true")
    arguments = parser.parse_args()
    check = Check(arguments.greenlets)
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(TARGET), str(arguments.greenlets)], stdout=subprocess.PIPE
    ) as target:
        assert target.stdout is not None
        target.stdout.readline()
        with Reader(target.pid, hold=not arguments.nonblocking) as reader:
            for i in range(1, arguments.readings + 1):
                reader.read(check)
                if check.mixtures or i % 1000 == 0 or i == arguments.readings:
                    took = time.perf_counter() - began
                    counted = ", ".join(f"{n:,} {what}" for what, n in check.counted.items())
                    print(
                        f"{i:,} in {took:.0f} s, held for {reader.held:.0f} s: {counted}",
                        flush=True,
                    )
                if check.mixtures:
                    break
        assert target.poll() is None
        target.kill()
    print(*check.mixtures[:20], sep="\n")
    return 1 if check.mixtures else 0


if __name__ == "__main__":
    sys.exit(main())
