"""What a timeline, and reports of slow greenlets, add to a switch:
`python benchmarks/timeline.py [--rounds N]`.

Each round measures a switch with nothing, while switches are counted (as for reports of slow
greenlets), and while they are recorded, and also a reading of the clock in C. Prints the medians,
in ns. Ends with 1 if a recorded switch takes more than a switch, the reading and LIMIT ns.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cffi

from switchlib import _timeline, getcurrent, greenlet

LIMIT = 15
SWITCHES = 200_000
RECORDS = 1 << 16  # the ring is written over and over, as in a program that runs for long

CLOCK = """
#include <time.h>
static long long sum;
long long read_clock(long times)
{
    struct timespec time;
    for (long i = 0; i < times; i++) {
        clock_gettime(CLOCK_MONOTONIC, &time);
        sum += time.tv_nsec;
    }
    return sum;
}
"""


def clock_library(directory: Path) -> Any:
    """The C function above, compiled."""
    ffi = cffi.FFI()
    ffi.cdef("long long read_clock(long times);")
    ffi.set_source("clock_reading", CLOCK, extra_compile_args=["-O2"])
    path = ffi.compile(tmpdir=str(directory))
    spec = importlib.util.spec_from_file_location("clock_reading", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.lib


def switch_ns() -> float:
    """Nanoseconds that one of SWITCHES takes."""
    main = getcurrent()

    def answer() -> None:
        switch = main.switch
        while True:
            switch()

    each = greenlet(answer)
    switch = each.switch
    switch()
    begin = time.process_time_ns()
    for _ in range(SWITCHES // 2):
        switch()
    return (time.process_time_ns() - begin) / SWITCHES


def recorded_ns(records: int) -> float:
    _timeline.begin(records)
    try:
        switch_ns()  # so that the ring's memory is there
        return switch_ns()
    finally:
        _timeline.end()


def clock_ns(library: Any) -> float:
    begin = time.process_time_ns()
    library.read_clock(SWITCHES)
    return (time.process_time_ns() - begin) / SWITCHES


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        library = clock_library(Path(directory))
        found = [
            (switch_ns(), recorded_ns(0), recorded_ns(RECORDS), clock_ns(library))
            for _ in range(rounds)
        ]
    off, counted, recorded, clock = (statistics.median(each) for each in zip(*found))
    own = statistics.median(r - o - c for o, _, r, c in found)
    print(f"{platform.python_implementation()} {platform.python_version()}, {rounds} rounds\n")
    print("| | ns |\n|---|--:|")
    print(f"| a switch | {off:.1f} |")
    print(f"| while switches are counted, for reports of slow greenlets | {counted:.1f} |")
    print(f"| while a timeline is recorded | {recorded:.1f} |")
    print(f"| a reading of the clock | {clock:.1f} |")
    print(f"| what recording adds besides | {own:.1f} |")
    return 1 if own > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
