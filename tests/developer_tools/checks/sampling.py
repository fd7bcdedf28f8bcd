"""Profilers that look at a program from outside, many times a second.

takes_turns.py is always in `leaf`, called by `branch`, in one of two greenlets.
"""

from __future__ import annotations

import re

from tests.developer_tools.check import SOUGHT, Use, check, require

STACK = re.compile(rf"branch\b[^;]*;[^;]*\b{SOUGHT}\b[^;]*$")
ENOUGH = 100
SHARE = 0.95
FINE = {"austin": (0, 254)}
"""How else a tool ends when its time is over."""


def judge(stacks: str) -> None:
    """Takes lines of a stack and how often it was seen, as FlameGraph reads them."""
    total = found = 0
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        if stack and count.isdigit():
            total += int(count)
            found += int(count) if STACK.search(stack) else 0
    require(total >= ENOUGH, f"{total} samples")
    require(found >= SHARE * total, f"{found} of {total} samples end with branch and {SOUGHT}")


def attached(use: Use, *command: str) -> tuple[str, str]:
    """Runs a tool with the process ID of the running program as the last argument, and its output
    in `found`; returns what it printed and what it wrote.
    """
    use.program("takes_turns.py")
    with use.start(use.python("takes_turns.py", "60")) as program:
        program.until("ready")
        full = use.python(*command) if command[0].startswith("-") else use.tool(*command)
        printed = use.run(use.near(program, [*full, program.pid]), FINE.get(command[0], (0,)))
    found = use.directory / "found"
    return printed, found.read_text(errors="replace") if found.exists() else ""


@check("py-spy", "`py-spy record --pid`", "py-spy")
def py_spy(use: Use) -> None:
    command = ("py-spy", "record", "-d", "2", "-f", "raw", "-o", "found", "--pid")
    _, found = attached(use, *command)
    judge(found)


@check(
    "austin",
    "`austin -p`",
    "austin-dist<4",
    last_python=(3, 13),
    note="austin 4 needs a newer C library than this machine has",
)
def austin(use: Use) -> None:
    _, found = attached(use, "austin", "-i", "1ms", "-x", "2", "-o", "found", "-p")
    lines = [line for line in found.splitlines() if not line.startswith("#")]
    # Each line is one sample with its microseconds.
    judge("\n".join(f"{line.rpartition(' ')[0]} 1" for line in lines))


@check(
    "austin",
    "`austin -p`, read by `mojo2austin`",
    "austin-dist",
    "austin-python",
    first_python=(3, 14),
    note="austin 4.0.0 does not know CPython 3.15",
)
def austin_4(use: Use) -> None:
    attached(use, "austin", "-i", "1ms", "-x", "2", "-o", "found", "-p")
    use.run(use.tool("mojo2austin", "found", "stacks"))
    lines = (use.directory / "stacks").read_text().splitlines()
    judge("\n".join(f"{line.rpartition(' ')[0]} 1" for line in lines))


SAMPLING = ("-m", "profiling.sampling")
COLLAPSED = ("--collapsed", "-o", "found")
ERRORS = re.compile(r"Error rate: ([\d.]+)")


def sampling_judge(printed: str, found: str) -> str:
    match = ERRORS.search(printed)
    require(match, printed.strip())
    assert match is not None
    text = f"{float(match[1]):.0f} % of the samples fail"
    require(float(match[1]) < 5, text)
    judge(found)
    return text


@check("profiling.sampling", "`attach`", first_python=(3, 15))
def sampling_attach(use: Use) -> str:
    return sampling_judge(*attached(use, *SAMPLING, "attach", "-d", "2", *COLLAPSED))


@check("profiling.sampling", "`run`", first_python=(3, 15))
def sampling_run(use: Use) -> str:
    use.program("takes_turns.py")
    printed = use.run(use.python(*SAMPLING, "run", *COLLAPSED, "takes_turns.py", "5"))
    found = use.directory / "found"
    return sampling_judge(printed, found.read_text() if found.exists() else "")
