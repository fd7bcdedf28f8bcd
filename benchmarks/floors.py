"""What a switch cannot do without: a call, a register switch, the copying of a stack,
the swapping of a thread's state.

    python floors.py

prints, as JSON, for each of CASES how many bytes are copied at a switch, and how many seconds
three things take that no library can avoid which CPython calls, and whose greenlets share one C
stack: the call of a builtin that returns at once, or makes a dict of its keywords; a switch where
there is no interpreter (floors.c, with this library's own stack layer); and swapping the part of
the thread's state that belongs to a stack (with its own tstate.h). Finding the target and handing
over the value comes on top. With the policy in Python a Python function is called, too, which
returns a decision.

And how many it takes to copy as many bytes where the copy lies well or badly; and to read a
block of memory that the one before leads to, among twice as many blocks as the most greenlets
of cliffs.py, each half as large as a suspended greenlet: its object with its state, or its
frames with the copy of its stack.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

import cffi
from cases import CASES as ALL_CASES

import switchlib
from switchlib._switch import lib as library


def decide(target: Any) -> tuple[int, Any, tuple[()]]:
    """The least that policy is: a Python function that returns a decision."""
    return 0, target, ()


CASES = (
    "switch",
    "switch_value",
    "switch_keywords",
    "c_calls_5",
    "c_calls_20",
    "c_calls_50",
    "python_calls",
)
ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    *("asm/asm.c", "csrc/stack.c", "csrc/callee.c", "benchmarks/floors.c"),
    *(
        str(path.relative_to(ROOT))
        for folder in ("memory", "tstate")
        for path in (ROOT / "csrc" / folder).glob("*.c")
    ),
)
WAYS = ((False, 0), (True, 0), (True, id(decide)))
PASSES = 15
BLOCKS = 2 * 1_000_000
BYTES_A_BLOCK = 500
APART = (1024, 1024 + 16, 16)
"""How far from the original a copy begins, modulo 4 KiB: at the same offset in a line of the cache,
at another, and less than a line away.
"""


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


def lock_calls(loops: int) -> None:
    """Calls of a method of a builtin type that returns at once, in a loop as the cases have it."""
    lock = threading.Lock()
    for _ in repeat(None, loops):
        lock.locked()


def dict_calls(loops: int) -> None:
    """Calls of a builtin that makes a dict of its keywords."""
    for _ in repeat(None, loops):
        dict(a=1)  # noqa: C408 - it is the call that counts


def call(calls: Callable[[int], None]) -> float:
    """The processor time of one, in seconds."""
    loops = 100_000
    began = time.process_time()
    calls(loops)
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
        around = floors.floors_switch(16, 2, False, 0).bytes - 16
        a_call = {
            calls: min(call(calls) for _ in range(PASSES)) for calls in (lock_calls, dict_calls)
        }
        found: dict[str, dict[str, float]] = {}
        for name in CASES:
            copied = bytes_copied(name)
            loops = 200_000 if copied < 8192 else 20_000
            passes = [
                [floors.floors_switch(copied - around, loops, *how).seconds for how in WAYS]
                for _ in range(PASSES)
            ]
            bare, whole, decided = (min(each) for each in zip(*passes))
            one_call = a_call[dict_calls if name == "switch_keywords" else lock_calls]
            found[name] = {
                "bytes": copied,
                "call": one_call,
                "switch": bare,
                "state": whole - bare,
                "seconds": one_call + whole,
                "decided": one_call + decided,
            }
        copies = {
            copied: [
                min(floors.floors_copy(copied, apart) for _ in range(PASSES)) for apart in APART
            ]
            for copied in sorted({int(floor["bytes"]) for floor in found.values()})
        }
        read = min(floors.floors_read(BLOCKS, BYTES_A_BLOCK) for _ in range(3))
    reads = {"seconds": read, "blocks": BLOCKS, "bytes": BYTES_A_BLOCK}
    print(json.dumps({"switches": found, "copies": copies, "read": reads}))


if __name__ == "__main__":
    main()
