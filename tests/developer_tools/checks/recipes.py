"""The recipes of docs/tools.md: what a watcher adds to what a tool shows."""

from __future__ import annotations

import json
import re

from tests.developer_tools.check import SOUGHT, Use, check, expect, require
from tests.developer_tools.checks.monitors import DDTRACE_OFF, parents
from tests.developer_tools.checks.profilers import CALLS, viztracer_program
from tests.developer_tools.environments import ROOT

PAGE = ROOT / "docs" / "tools.md"
TURNS = 20


def recipe(use: Use, name: str) -> None:
    """Puts the code of the page that begins with a comment of this name into a file."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (text,) = [block for block in blocks if block.startswith(f"# {name}\n")]
    (use.directory / name).write_text(text)


@check("viztracer", "[the recipe](#viztracer)", "viztracer", watches=True)
def viztracer(use: Use) -> None:
    viztracer_program(use)
    recipe(use, "viztracer_marks.py")
    use.run(use.python("viztracer_marks.py"))
    events = json.loads((use.directory / "trace.json").read_text())["traceEvents"]
    marks = [event["name"] for event in events if event["ph"] == "i"]
    for name in ("first", "second"):
        expect(f"starts of {name}", marks.count(f"start {name}"), 1)
        expect(f"times that {name} went on", marks.count(f"switch {name}"), TURNS)
        expect(f"ends of {name}", marks.count(f"end {name}"), 1)
    expect("times that main went on", marks.count("switch main"), 2 * TURNS + 2)
    names = [event["name"].partition(" ")[0] for event in events if event["ph"] != "i"]
    expect(f"calls of {SOUGHT}", names.count(SOUGHT), CALLS)
    expect("switches", names.count("greenlet.greenlet.switch"), 2 * CALLS + 2)


READ_CONTEXTS = """
import coverage, json, os
data = coverage.CoverageData("by_greenlet")
data.read()
found = {os.path.basename(file): data.contexts_by_lineno(file) for file in data.measured_files()}
print(json.dumps(found))
"""


@check("coverage", "[the recipe](#coverage)", "coverage", watches=True)
def coverage(use: Use) -> None:
    program = use.program("two_files.py", "other_file.py")
    recipe(use, "coverage_contexts.py")
    use.run(use.python("coverage_contexts.py"), COVERAGE_CORE="ctrace")
    found = json.loads(use.run(use.python("-c", READ_CONTEXTS)))
    lines = program.read_text().splitlines()
    number = next(place for place, line in enumerate(lines, 1) if "turn -= 1" in line)
    expect("who ran a line of branch", found["two_files.py"].get(str(number)), ["two_files.branch"])
    contexts = {each for names in found["other_file.py"].values() for each in names}
    require("other_file.branch" in contexts, f"contexts of the other file: {contexts}")
    require(f"def {SOUGHT}(" in program.read_text(), f"{SOUGHT} is missing")


@check(
    "OpenTelemetry", "[the recipe](#opentelemetry-and-ddtrace)", "opentelemetry-sdk", watches=True
)
def opentelemetry(use: Use) -> None:
    use.program("opentelemetry_spans.py")
    recipe(use, "greenlet_spans.py")
    program = use.directory / "opentelemetry_spans.py"
    text = program.read_text().replace("seen = []", "import greenlet_spans\nseen = []")
    program.write_text(text)
    names, _ = json.loads(use.run(use.python("opentelemetry_spans.py")).splitlines()[-1])
    require("branch" in names, f"spans: {sorted(names)}")
    expect("spans", len(names), 11)
    require(f"{SOUGHT} 0" in names, f"{SOUGHT} is missing")


RUN = "TracingMixin.run"
"""What ddtrace makes gevent's greenlets run."""


@check(
    "ddtrace",
    "[the recipe](#opentelemetry-and-ddtrace), in gevent",
    "ddtrace",
    "gevent",
    watches=True,
)
def ddtrace(use: Use) -> None:
    program = use.program("ddtrace_spans.py")
    recipe(use, "greenlet_spans_ddtrace.py")
    text = program.read_text().replace("spans = []", "import greenlet_spans_ddtrace\nspans = []")
    program.write_text(text)
    printed = use.run(use.python("ddtrace_spans.py"), **DDTRACE_OFF).splitlines()
    names = json.loads(next(line for line in printed if line.startswith("{")))
    expect("parent of a greenlet's span", names.pop(RUN, None), "")
    parents(names)
