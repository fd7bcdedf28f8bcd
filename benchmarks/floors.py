"""What a switch cannot do without: a call, a register switch, the copying of a stack, the swapping of a thread's state.

    python floors.py

prints, as JSON, for each of CASES how many bytes are copied at a switch, and how many seconds three things take that
whoever is called by CPython and shares one C stack among greenlets cannot do without: the call of a method that returns
at once, a switch where there is no interpreter (floors.c, with this library's own stack layer), and to swap what of the
thread's state belongs to a stack (with its own tstate.h). To find the target and to hand over the value comes on top.
And how many a read of memory takes that waits for the one before, among as many blocks as the most greenlets of
cliffs.py, each as large as a suspended greenlet.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import sys
import tempfile
import threading
import time
from itertools import repeat
from pathlib import Path
from typing import Any

import cffi
from cases import CASES as ALL_CASES

import switchlib
from switchlib._switch import lib as library

CASES = ("switch", "c_calls_5", "c_calls_20")
ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("asm/asm.c", "csrc/stack.c", "csrc/chunk.c", "csrc/arena.c", "benchmarks/floors.c")
PASSES = 15
MOST_LIVE = 1_000_000
BYTES_SUSPENDED = 1_000


def built(directory: str) -> Any:
    """The functions of floors.c, compiled as the library is."""
    spec = importlib.util.spec_from_file_location("build_switch", ROOT / "build_switch.py")
    assert spec is not None
    assert spec.loader is not None
    build_switch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build_switch)
    header = (ROOT / "benchmarks" / "floors.h").read_text()
    ffi = cffi.FFI()
    ffi.cdef(header)
    ffi.set_source(
        "_floors",
        f"#include <stddef.h>\n{header}",
        sources=[str(ROOT / source) for source in SOURCES],
        include_dirs=[str(ROOT)],
        extra_compile_args=build_switch.flags(platform.machine()),
    )
    ffi.compile(tmpdir=directory)
    sys.path.insert(0, directory)
    return importlib.import_module("_floors").lib


def call() -> float:
    """A method of a builtin type that returns at once, called in a loop as the cases do."""
    lock, loops = threading.Lock(), 100_000
    began = time.process_time()
    for _ in repeat(None, loops):
        lock.locked()
    return (time.process_time() - began) / loops


def bytes_copied(name: str) -> int:
    """What the case's greenlet has in the heap while it is suspended."""
    before = library.stack_counts.bytes
    body = ALL_CASES[name].setup(switchlib)
    body(10)
    return int(library.stack_counts.bytes - before)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        floors = built(directory)
        around = floors.floors_switch(16, 2, False).bytes - 16
        cheapest_call = min(call() for _ in range(PASSES))
        found: dict[str, dict[str, float]] = {}
        for name in CASES:
            copied = bytes_copied(name)
            loops = 200_000 if copied < 8192 else 20_000
            bare, whole = (
                min(floors.floors_switch(copied - around, loops, state_too).seconds for _ in range(PASSES))
                for state_too in (False, True)
            )
            found[name] = {
                "bytes": copied,
                "call": cheapest_call,
                "switch": bare,
                "state": whole - bare,
                "seconds": cheapest_call + whole,
            }
        read = min(floors.floors_read(MOST_LIVE, BYTES_SUSPENDED) for _ in range(3))
    print(json.dumps({"switches": found, "read": {"seconds": read, "blocks": MOST_LIVE, "bytes": BYTES_SUSPENDED}}))


if __name__ == "__main__":
    main()
