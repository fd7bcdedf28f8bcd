"""What programs report of themselves: errors, spans, and gevent's own look at its greenlets."""

from __future__ import annotations

import json

from tests.developer_tools.check import SOUGHT, Use, check, expect, require
from tests.developer_tools.checks.dumps import in_order


@check(
    "sentry-sdk",
    "errors in gevent: tags, breadcrumbs, stack and variables of their own greenlet",
    "sentry-sdk",
    "gevent",
)
def sentry(use: Use) -> None:
    use.program("sentry.py")
    found = json.loads(use.run(use.python("sentry.py")).splitlines()[-1])
    wanted = [[n, ["branch", SOUGHT], str(n), [f"before {n}"]] for n in range(5)]
    expect("events", found, wanted)


def parents(found: dict[str, str]) -> None:
    wanted = {f"{SOUGHT} {n}": f"branch {n}" for n in range(5)}
    expect("parents of spans", found, wanted | {f"branch {n}": "" for n in range(5)})


def opentelemetry_judge(use: Use, *arguments: str) -> None:
    use.program("opentelemetry_spans.py")
    printed = use.run(use.python("opentelemetry_spans.py", *arguments)).splitlines()
    found, baggage = json.loads(printed[-1])
    parents(found)
    expect("baggage", baggage, [[number, number] for number in range(5)])


@check("OpenTelemetry", "spans and baggage in greenlets that take turns", "opentelemetry-sdk")
def opentelemetry(use: Use) -> None:
    opentelemetry_judge(use)


@check("OpenTelemetry", "the same with gevent", "opentelemetry-sdk", "gevent")
def opentelemetry_gevent(use: Use) -> None:
    opentelemetry_judge(use, "gevent")


DDTRACE_OFF = {
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
}
"""So that it sends nothing."""


@check("ddtrace", "spans in gevent", "ddtrace", "gevent")
def ddtrace(use: Use) -> None:
    use.program("ddtrace_spans.py")
    printed = use.run(use.python("ddtrace_spans.py"), **DDTRACE_OFF).splitlines()
    parents(json.loads(next(line for line in printed if line.startswith("{"))))


@check("gevent", "its monitor thread reports who blocks the hub", "gevent")
def monitor(use: Use) -> None:
    use.program("gevent_blocks.py")
    printed = use.run(use.python("gevent_blocks.py"))
    in_order(printed, "appears to be blocked", "branch", SOUGHT)


@check("gevent", "`print_run_info` and `GreenletTree`", "gevent")
def run_info(use: Use) -> None:
    use.program("gevent_run_info.py")
    info, _, tree = use.run(use.python("gevent_run_info.py")).partition("\ntree\n")
    for name, text in (("print_run_info", info), ("tree", tree)):
        for seconds in (30, 40):
            require(f"branch({seconds}" in text or "branch" in text, f"{name} lacks {seconds}")
        found = text.count(f"in {SOUGHT}")
        expect(f"stacks with {SOUGHT} in {name}", found, 2)
        require("spawns" in text, f"{name} does not show where they were spawned")
