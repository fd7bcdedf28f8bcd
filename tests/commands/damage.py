"""Reads damaged copies of a process: words of its memory, and bits of its table of offsets.

    python -m tests.commands.damage [--times N] [--seed N]

Each reading must refuse with a clear error, or give a result. Prints how many did what, and fails
with a traceback otherwise.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path

from tests.introspection.damage import Damage

TARGET = Path(__file__).resolve().parents[1] / "introspection" / "targets" / "plain.py"


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with subprocess.Popen([sys.executable, str(TARGET), "sleep"], stdout=subprocess.PIPE) as target:
        assert target.stdout is not None
        target.stdout.readline()
        try:
            damage = Damage(target.pid, arguments.seed)
            for i in range(arguments.times):
                damage.once()
                if i % 10 == 0:
                    damage.table_once()
        finally:
            target.kill()
    print(", ".join(f"{n:,} {what}" for what, n in damage.counted.items()))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"the slowest took {damage.slowest:.1f} s; at most {most} MiB were in use")
    return 0


if __name__ == "__main__":
    sys.exit(main())
