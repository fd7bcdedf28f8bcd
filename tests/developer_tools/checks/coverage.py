"""Coverage: which lines and branches ran, in programs that switch in the middle of functions."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.developer_tools.check import SOUGHT, Use, check, expect, require

TOOL = "coverage"
NEVER, NOT_DIRECTLY = "# never", "# not directly"


def never_run(program: Path, directly: bool) -> list[int]:
    """The lines that say of themselves that they do not run."""
    lines = program.read_text().splitlines()
    marks = (NEVER, NOT_DIRECTLY) if directly else (NEVER,)
    return [number for number, line in enumerate(lines, 1) if line.endswith(marks)]


PLAIN = "two_files.py", "other_file.py"
GEVENT = "gevent_files.py", "gevent_other_file.py"


def judge(
    use: Use, names: tuple[str, ...], concurrency: str | None, core: str, **variables: str
) -> None:
    """Runs programs, and compares what is said not to have run with what they say."""
    use.program(*names)
    options = ["--branch", "--include", "*_file*.py"]
    if concurrency is not None:
        options.append(f"--concurrency={concurrency}")
    run = use.python("-m", "coverage", "run", *options, names[0])
    printed = use.run(run, COVERAGE_CORE=core, **variables)
    require("Warning" not in printed, printed.strip().splitlines()[0])
    use.run(use.python("-m", "coverage", "json", "-q", "-o", "found.json"), COVERAGE_CORE=core)
    files = json.loads((use.directory / "found.json").read_text())["files"]
    require(SOUGHT in files[names[0]]["functions"], f"{SOUGHT} is missing")
    for name in names:
        never = never_run(use.directory / name, "DIRECTLY" in variables)
        expect(f"{name}, missing lines", files[name]["missing_lines"], never)
        # Each stretch of them is entered by one jump, which is missing, too.
        entered = {arc[1] for arc in files[name]["missing_branches"]} - set(never)
        require(not entered, f"{name}, missing branches to {sorted(entered)}")
    database = use.run(use.python("-m", "coverage", "debug", "data"))
    require(re.search(rf"{names[0]}: \d+ arcs|has_arcs: True", database), "there are no arcs")


@check(TOOL, "lines and branches, C tracer, `concurrency=greenlet`", TOOL)
def greenlets(use: Use) -> None:
    judge(use, PLAIN, "greenlet", "ctrace")


@check(
    TOOL,
    "the same, where the next line after `switch` is in the same function",
    TOOL,
    note="coverage finds out which greenlet runs when a function is called or returns. Until then "
    "it counts lines for the file of the greenlet before. Call `switch` in a function of its own, "
    "as gevent does, or use `sys.monitoring`",
)
def directly(use: Use) -> None:
    judge(use, PLAIN, "greenlet", "ctrace", DIRECTLY="1")


@check(TOOL, "lines and branches, C tracer, `concurrency=gevent`", TOOL, "gevent")
def gevent(use: Use) -> None:
    judge(use, GEVENT, "gevent", "ctrace")


@check(
    TOOL,
    "lines and branches, `sys.monitoring`, without `concurrency`",
    TOOL,
    first_python=(3, 14),
    note="coverage measures branches by `sys.monitoring` from 3.14 on",
)
def monitoring(use: Use) -> None:
    judge(use, PLAIN, None, "sysmon", DIRECTLY="1")


@check(TOOL, "the same with gevent", TOOL, "gevent", first_python=(3, 14))
def monitoring_gevent(use: Use) -> None:
    judge(use, GEVENT, None, "sysmon")
