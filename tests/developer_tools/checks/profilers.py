"""Profilers that run in the program: how often a function was called, and how long it took.

calls.py knows both of itself: `leaf` is called 20 times in each of two greenlets, for 10 ms and
for 30 ms of processor time.
"""

from __future__ import annotations

import json
import pstats
import re

from tests.developer_tools.check import SOUGHT, Use, check, expect, require

CALLS = 40
SECONDS = 0.8
SHARES = 0.2, 0.6
"""What the two greenlets use of the seconds."""


def near(what: str, found: float, expected: float, part: float = 0.25) -> None:
    """Raises Wrong if the two differ by more than that part."""
    require(
        abs(found - expected) <= part * expected, f"{what}: {found:.3f} instead of {expected:.3f}"
    )


@check("cProfile", "`python -m cProfile`: calls")
def c_profile(use: Use) -> None:
    use.program("calls.py")
    use.run(use.python("-m", "cProfile", "-o", "found", "calls.py"))
    stats = pstats.Stats(str(use.directory / "found")).stats  # type: ignore[attr-defined]
    calls = {name: numbers[1] for (_, _, name), numbers in stats.items()}
    expect(f"calls of {SOUGHT}", calls.get(SOUGHT), CALLS)
    expect("calls of branch", calls.get("branch"), 2)
    # Two that start, two that end, and each call of leaf that is left and resumed.
    switches = calls.get("<method 'switch' of 'greenlet.greenlet' objects>")
    expect("calls of switch", switches, 2 * CALLS + 2)


def yappi_judge(use: Use, clock: str) -> None:
    use.program("yappi_calls.py", "calls.py")
    functions, greenlets = json.loads(use.run(use.python("yappi_calls.py", clock)).splitlines()[-1])
    calls, seconds = functions.get(SOUGHT, (0, 0.0))
    expect(f"calls of {SOUGHT}", calls, CALLS)
    expect("greenlets", len(greenlets), 3)
    if clock == "cpu":
        near(f"seconds in {SOUGHT}", seconds, SECONDS)
        near("seconds of the first", greenlets[-2], SHARES[0])
        near("seconds of the second", greenlets[-1], SHARES[1])
    else:
        require(seconds > SECONDS, f"{seconds:.3f} s in {SOUGHT}")


@check("yappi", "backend `greenlet`, processor time: of each greenlet", "yappi")
def yappi_cpu(use: Use) -> None:
    yappi_judge(use, "cpu")


@check("yappi", "backend `greenlet`, wall time", "yappi")
def yappi_wall(use: Use) -> None:
    yappi_judge(use, "wall")


@check("yappi", "backend `greenlet` in gevent, processor time", "yappi", "gevent")
def yappi_gevent(use: Use) -> None:
    use.program("gevent_yappi.py")
    functions, greenlets = json.loads(use.run(use.python("gevent_yappi.py")).splitlines()[-1])
    calls, seconds = functions.get(SOUGHT, (0, 0.0))
    expect(f"calls of {SOUGHT}", calls, 2)
    near(f"seconds in {SOUGHT}", seconds, 0.4)
    near("seconds of the second", greenlets[-1], 0.3)


@check("line_profiler", "`kernprof -l`: how often each line ran", "line_profiler")
def line_profiler(use: Use) -> None:
    use.program("calls.py")
    program = use.directory / "calls.py"
    text = program.read_text()
    program.write_text(text.replace(f"def {SOUGHT}(", f"@profile\ndef {SOUGHT}("))
    printed = use.run(use.python("-m", "kernprof", "-l", "-v", "calls.py"))
    lines = printed.partition(f"Function: {SOUGHT}")[2].splitlines()
    found = [re.match(r"\s*\d+\s+(\d+)\s.* (end = |main\.switch)", line) for line in lines]
    expect("hits", [int(match[1]) for match in found if match], [CALLS] * 3)


@check("pyinstrument", "`pyinstrument -r json`: where the time is", "pyinstrument")
def pyinstrument(use: Use) -> None:
    use.program("calls.py")
    use.run(use.python("-m", "pyinstrument", "-r", "json", "-o", "found.json", "calls.py"))
    total: dict[tuple[str, ...], float] = {}

    def add(frame: dict, above: tuple[str, ...]) -> None:  # type: ignore[type-arg]
        way = (*above, frame["function"])
        total[way] = total.get(way, 0) + frame["time"]
        for child in frame["children"]:
            add(child, way)

    add(json.loads((use.directory / "found.json").read_text())["root_frame"], ())
    first, second = (
        sum(seconds for way, seconds in total.items() if way[-3:] == (name, "branch", SOUGHT))
        for name in ("first", "second")
    )
    # By the clock: on a busy machine, all takes longer.
    everything = json.loads((use.directory / "found.json").read_text())["root_frame"]["time"]
    near("part of the time in both", (first + second) / everything, 1)
    near("part of the first in that", first / (first + second), SHARES[0] / SECONDS, 0.4)


def viztracer_program(use: Use) -> None:
    """calls.py, with so little work that all its calls fit into viztracer's buffer."""
    program = use.program("calls.py")
    text = program.read_text()
    program.write_text(text.replace("branch(0.01)", "branch(1e-5)").replace("0.03)", "3e-5)"))


def viztracer_names(use: Use) -> tuple[list[str], str]:
    """The names of the events, and what viztracer printed."""
    viztracer_program(use)
    use.program("traced_by_viztracer.py")
    printed = use.run(use.python("traced_by_viztracer.py", "found.json"))
    events = json.loads((use.directory / "found.json").read_text())["traceEvents"]
    return [event["name"].partition(" ")[0] for event in events], printed


@check("viztracer", "`VizTracer`: the names of functions and switches", "viztracer")
def viztracer(use: Use) -> None:
    names, _ = viztracer_names(use)
    wanted = {SOUGHT, "branch", "first", "second", "greenlet.greenlet.switch"}
    require(wanted <= {*names}, f"{sorted(wanted - {*names})} are missing")


@check(
    "viztracer",
    "`VizTracer`: all calls of a program whose greenlets end",
    "viztracer",
    note="viztracer keeps one stack of calls for a thread, and stops when a function returns that "
    "is not on top of it; the recipe starts it again",
)
def viztracer_calls(use: Use) -> None:
    names, printed = viztracer_names(use)
    require("tracing is stopped" not in printed, "`Unexpected function return, tracing is stopped`")
    expect(f"calls of {SOUGHT}", names.count(SOUGHT), CALLS)
    expect("calls of branch", names.count("branch"), 2)
    expect("switches", names.count("greenlet.greenlet.switch"), 2 * CALLS + 2)


@check("scalene", "`scalene run`: the lines that use the processor", "scalene")
def scalene(use: Use) -> None:
    use.program("calls.py")
    program = use.directory / "calls.py"
    program.write_text(program.read_text().replace("TURNS = 20", "TURNS = 80"))
    use.run(use.python("-m", "scalene", "run", "--cpu-only", "-o", "found.json", "calls.py"))
    (found,) = json.loads((use.directory / "found.json").read_text())["files"].values()
    require(SOUGHT in {each["line"] for each in found["functions"]}, f"{SOUGHT} is missing")
    kinds = "n_cpu_percent_python", "n_cpu_percent_c", "n_sys_percent"
    loops = [each for each in found["lines"] if each["line"].lstrip().startswith("while")]
    percent = sum(each[kind] for each in loops for kind in kinds)
    require(percent > 90, f"{percent:.0f} % in the loops of {SOUGHT}")
