"""Tools that show who allocated memory.

allocates.py allocates sizes that nothing else has: in `allocate`, called by `leaf`, called by
`first` or `second`, each in a greenlet of its own.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from tests.developer_tools.check import SOUGHT, Running, Use, check, expect, require
from tests.developer_tools.environments import Environment

LATE = {301_000: "first", 501_000: "second"}
"""Sizes that are allocated after a switch, and by which greenlet."""

EARLY = {300_000: "first", 500_000: "second"}


def memray_judge(use: Use, sizes: dict[int, str], *native: str) -> None:
    use.program("memray_records.py")
    records = json.loads(use.run(use.python("memray_records.py", "found", *native)))
    threads: dict[str, set[int]] = {"first": set(), "second": set(), "main": set()}
    for size, name in sizes.items():
        found = [record for record in records if record[0] == size]
        require(found, f"no allocation of {size} bytes")
        for _, thread, functions, hybrid in found:
            expect(f"stack of {size} bytes", functions[:3], ["allocate", SOUGHT, name])
            if native:
                names = [each for each in hybrid if each in ("allocate", SOUGHT, name)]
                expect(f"native stack of {size} bytes", names[:2], ["allocate", SOUGHT])
                require(len(hybrid) > len(functions), "there are no C functions")
            threads[name].add(thread)
    (main,) = [record for record in records if record[0] == 700_000]
    expect("stack of 700,000 bytes", main[2][:2], ["allocate", "<module>"])
    both = threads["first"] & threads["second"]
    require(not both, "memray took two greenlets for one thread")


@check("memray", "`memray run`", "memray", note="memray takes each greenlet for a thread")
def memray_run(use: Use) -> None:
    use.program("allocates.py")
    use.run(use.python("-m", "memray", "run", "-o", "found", "allocates.py"))
    memray_judge(use, EARLY | LATE)


@check("memray", "`memray run --native`", "memray")
def memray_native(use: Use) -> None:
    use.program("allocates.py")
    use.run(use.python("-m", "memray", "run", "--native", "-o", "found", "allocates.py"))
    memray_judge(use, EARLY | LATE, "native")


def no_gdb(environment: Environment) -> str | None:
    root = environment.interpreter.root or Path("/")
    return None if (root / "usr/bin/gdb").exists() else "there is no gdb in that root"


def attach_and_go_on(use: Use, attach: list[str]) -> None:
    """Attaches a tool while greenlets are suspended, and has the program go on."""
    with use.start(use.python("allocates.py", "go")) as program:
        program.until("ready")
        use.run(use.near(program, [*attach, program.pid]))
        (use.directory / "go").touch()
        program.until("the end")
        program.end()


@check(
    "memray",
    "`memray attach`, while greenlets are suspended",
    "memray",
    absent=no_gdb,
)
def memray_attach(use: Use) -> None:
    use.program("allocates.py")
    attach = use.python("-m", "memray", "attach", "--method", "gdb", "-o", "found")
    attach_and_go_on(use, attach)
    memray_judge(use, LATE)


@check(
    "memray",
    "`memray attach --method sys.remote_exec`",
    "memray",
    first_python=(3, 14),
)
def memray_remote_exec(use: Use) -> None:
    use.program("allocates.py")
    attach = use.python("-m", "memray", "attach", "--method", "sys.remote_exec", "-o", "found")
    attach_and_go_on(use, attach)
    memray_judge(use, LATE)


def no_heaptrack(environment: Environment) -> str | None:
    if environment.interpreter.root is not None:
        return "Debian's heaptrack was not installed in that root"
    return None if shutil.which("heaptrack") else "heaptrack is not installed"


VERSION = ("heaptrack", "--version")


def heaptrack_program(use: Use) -> None:
    """allocates.py, with ten times as much to allocate: more than imports take."""
    program = use.program("allocates.py")
    program.write_text(program.read_text().replace("00_000)", "000_000)"))


def heaptrack_judge(use: Use, smallest: int) -> None:
    (file,) = use.directory.glob("found*")
    printed = use.run(["heaptrack_print", "-f", str(file), "-F", "stacks", "-a", "0", "-p", "0"])
    require("total runtime" in printed, printed[-200:])
    # The bytearrays lie in mappings of their own, by malloc.
    peak = [line for line in printed.splitlines() if line.startswith("peak heap memory")]
    require(peak, "no peak")
    size = float(peak[0].split(":")[1].strip().rstrip("KMGB")) * (1e6 if "M" in peak[0] else 1e3)
    require(size > smallest, f"{peak[0]} is less than {smallest}")


@check(
    "heaptrack",
    "`heaptrack`",
    version=VERSION,
    absent=no_heaptrack,
    note="heaptrack sees C functions only. It loses a process that becomes another, as `run` does: "
    "`PYTHONPATH=$(python -m switchlib shim) heaptrack python program.py`",
)
def heaptrack(use: Use) -> None:
    heaptrack_program(use)
    shim = use.library.shim
    use.run(["heaptrack", "-o", "found", str(use.environment.python), "allocates.py"], **shim)
    heaptrack_judge(use, 26_000_000)


@check(
    "heaptrack",
    "`heaptrack -p`, while greenlets are suspended",
    version=VERSION,
    absent=no_heaptrack,
)
def heaptrack_attach(use: Use) -> None:
    heaptrack_program(use)
    with use.start(use.python("allocates.py", "go")) as program:
        program.until("ready")
        attach = ["heaptrack", "-o", "found", "-p", program.pid]
        with Running(attach, use.directory, use.variables({})) as tool:
            tool.until("injection finished")
            (use.directory / "go").touch()
            program.until("the end")
            program.end()
            deadline = time.monotonic() + 60
            while tool.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
    heaptrack_judge(use, 15_000_000)


@check("tracemalloc", "the lines of each allocation")
def tracemalloc(use: Use) -> None:
    program = use.program("allocates.py", "traced_by_tracemalloc.py")
    lines = program.read_text().splitlines()
    printed = use.run(use.python("traced_by_tracemalloc.py")).splitlines()[-1]
    found = {}
    for size, numbers in json.loads(printed):
        found[size] = [lines[number - 1].strip() for number in numbers if number <= len(lines)][-3:]
    for size, name in (EARLY | LATE).items():
        argument = "size" if size in EARLY else "size + 1_000"
        base = size if size in EARLY else size - 1_000
        call = f"{SOUGHT}({base:_})", f"allocate({argument})", "kept.append(bytearray(size))"
        expect(f"{size} bytes in {name}", found.get(size), [*call])


@check("objgraph", "how many greenlets, what refers to them, what they refer to", "objgraph")
def objgraph(use: Use) -> None:
    use.program("found_by_objgraph.py")
    found = json.loads(use.run(use.python("found_by_objgraph.py")).splitlines()[-1])
    expect("greenlets, backref, held, held at the end", found, [7, ["Holder"], 7, 0])
