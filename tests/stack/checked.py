"""The stack layer under valgrind, the sanitizers and poison: random programs of plain C coroutines.

    python -m tests.stack.checked [--programs COUNT] [--write]

How each follows stacks that are copied:

- valgrind's memcheck takes a stack pointer that moves for calls and returns. That is as true
  here: who lies below it has been saved, and is copied back, with what memcheck knows of each
  byte, once the pointer has moved.
- -fsanitize=undefined has no notion of stacks.
- -fsanitize=address surrounds variables on the stack with poison, of which a copied stack knows
  nothing. That is turned off; what stays is the heap: each byte that is written to or read from the
  slices' buffers, and every buffer freed.
- The poison build (csrc/stack.h) overwrites what was saved, where it lay: here it must do no harm.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import tempfile
from pathlib import Path

from tests.stack.build import ROOT, stack_flags

SOURCES = ["asm/asm.c", "csrc/stack.c", "tests/stack/coroutine.c", "tests/stack/random_programs.c"]
PAGE = ROOT / "docs" / "testing.md"
MARKS = "<!-- python -m tests.stack.checked --write -->", "<!-- end of it -->"
MEMCHECK = [
    "valgrind",
    "--quiet",
    "--error-exitcode=2",
    "--leak-check=full",
    "--errors-for-leak-kinds=all",
]
WITHOUT_STACK = {"gcc": ["--param", "asan-stack=0"], "clang": ["-mllvm", "-asan-stack=0"]}
HEAD = """| checker | programs | switches | allocations refused | bytes compared | found |
|---|---|---|---|---|---|"""


def checkers(compiler: str) -> dict[str, tuple[list[str], list[str]]]:
    """Name: how to compile, and what to run it by."""
    return {
        "valgrind memcheck": ([], MEMCHECK),
        f"{compiler} -DSWITCHLIB_POISON": (["-DSWITCHLIB_POISON"], []),
        f"{compiler} -fsanitize=undefined": (
            ["-fsanitize=undefined", "-fno-sanitize-recover=all"],
            [],
        ),
        f"{compiler} -fsanitize=address": (["-fsanitize=address", *WITHOUT_STACK[compiler]], []),
    }


def check(compiler: str, flags: list[str], runner: list[str], programs: int) -> str:
    with tempfile.TemporaryDirectory() as directory:
        program = str(Path(directory) / "random_programs")
        sources = [str(ROOT / source) for source in SOURCES]
        common = [
            *stack_flags(platform.machine()),
            "-gdwarf-4",
            "-fno-omit-frame-pointer",
            f"-I{ROOT}",
        ]
        subprocess.run([compiler, *common, *flags, *sources, "-o", program, "-lm"], check=True)
        done = subprocess.run(
            [*runner, program, str(programs), "1"], capture_output=True, text=True, check=False
        )
    if done.returncode or done.stderr:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=4_000, help="valgrind gets a tenth of them")
    parser.add_argument("--compiler", default="gcc", choices=WITHOUT_STACK)
    parser.add_argument("--write", action="store_true", help="put the table into docs/testing.md")
    options = parser.parse_args()
    print(HEAD)
    rows = []
    for name, (flags, runner) in checkers(options.compiler).items():
        count = options.programs // 10 if runner else options.programs
        figures = [int(word) for word in check(options.compiler, flags, runner, count).split()]
        rows.append(
            f"| {name} | " + " | ".join(f"{figure:,}" for figure in figures) + " | nothing |"
        )
        print(rows[-1], flush=True)
    if options.write:
        text = PAGE.read_text()
        begin, end = (text.index(mark) for mark in MARKS)
        table = "\n".join([HEAD, *rows])
        PAGE.write_text(f"{text[:begin]}{MARKS[0]}\n\n{table}\n\n{text[end:]}")


if __name__ == "__main__":
    main()
