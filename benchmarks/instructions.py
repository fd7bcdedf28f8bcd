"""Counts the instructions of one operation, by function, with valgrind's callgrind:
the same on a busy machine.

Some operations are counted, and then twice as many:
the difference is what they take and nothing else.
"""

from __future__ import annotations

import collections
import os
import re
import subprocess
import tempfile
from pathlib import Path

from cases import Case
from environments import Environment

HERE = Path(__file__).resolve().parent

PROGRAM = """
import gc, importlib, os, sys
sys.path.insert(0, sys.argv[1])
from cases import CASES
body = CASES[sys.argv[3]].setup(importlib.import_module(sys.argv[2]))
gc.disable()
body(1000)
for number in 1, 2:
    os.getppid()  # here callgrind writes what it has counted, and starts again at 0
    body(number * int(sys.argv[4]))
os.getppid()
"""
OPERATIONS = 2000

LEFT_OUT = {"chain", "beside_thread", "memory", "importing", "c_calls_20", "c_calls_50"}
"""Cases that are not about the instructions of one operation,
or copy so much that the C library does it by one instruction, which callgrind counts for each byte.
"""

LAYERS = (
    # the layer, the object file, the functions
    ("the eval loop", r"libpython.*|python[\d.]*", r"_PyEval_EvalFrameDefault"),
    (
        "looking up the method",
        r"libpython.*|python[\d.]*",
        r"_PyObject_GetMethod|_?PyType_Lookup|find_name_in_mro",
    ),
    (
        "memory: malloc and free",
        r".*",
        r".*(malloc|free|realloc|calloc|Malloc|Free|unlink_chunk).*",
    ),
    ("copying: memcpy", r"libc\..*", r".*mem(cpy|move).*"),
    (
        "the rest of the interpreter, the C library",
        r"libpython.*|python[\d.]*|libc\..*|ld-.*|libpthread.*",
        r".*",
    ),
    ("the register switch", r".*", r"switchlib_swap_stack|slp_switch"),
    ("save: stack and thread state", r"_switch\..*", r"leave\w*|stack_save|tstate_save"),
    ("restore: stack and thread state", r"_switch\..*", r"arrive\w*|stack_restore|tstate_restore"),
    ("the rest of the extension module", r".*", r".*"),
)

Counts = collections.Counter[tuple[str, str]]
"""Instructions by object file and function."""


def layers(
    where: Environment, module: str, case: Case, environ: dict[str, str]
) -> dict[str, float]:
    """The instructions of one operation by layer."""
    sums = dict.fromkeys((name for name, _, _ in LAYERS), 0.0)
    for (file, function), instructions in count(where, module, case, environ).items():
        for name, files, functions in LAYERS:
            if re.fullmatch(files, file) and re.fullmatch(
                functions, function.split("(")[0].split(".")[0]
            ):
                sums[name] += instructions / OPERATIONS
                break
    return sums


def count(where: Environment, module: str, case: Case, environ: dict[str, str]) -> Counts:
    """The instructions of OPERATIONS operations, by function."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "callgrind"
        command = [
            "valgrind",
            "--tool=callgrind",
            "--dump-before=getppid",
            f"--callgrind-out-file={output}",
        ]
        command += [where.python, "-c", PROGRAM, str(HERE), module, case.name, str(OPERATIONS)]
        environ = where.environ | {"PYTHONHASHSEED": "0"} | environ
        subprocess.run(command, env=environ, cwd=scratch, check=True, capture_output=True)
        _, once, twice = (parse(output.with_suffix(f".{part}")) for part in (1, 2, 3))
        twice.subtract(once)
        return twice


def parse(file: Path) -> Counts:
    """Each function's own instructions, from callgrind's output."""
    names: dict[tuple[str, str], str] = {}  # a name is spelled out where its number first stands
    here = {"ob": "", "fn": ""}
    counts: Counts = collections.Counter()
    of_callee = False
    for line in file.read_text().splitlines():
        if match := re.fullmatch(r"(c?)(ob|fn)=\((\d+)\)(?: (.*))?", line):
            called, kind, number, name = match.groups()
            if name is not None:
                names[kind, number] = name
            if not called:
                here[kind] = names[kind, number]
        elif line.startswith("calls="):
            of_callee = True  # the next line has what the called function took
        elif match := re.fullmatch(r"[+*\d-]\d* (\d+)", line):
            if not of_callee:
                counts[os.path.basename(here["ob"]), here["fn"].split("'")[0]] += int(match[1])
            of_callee = False
    return counts
