"""Does a test leave references behind? On a debug build of CPython:

    python -m tests.commands.references [PYTEST'S ARGUMENTS]

Such builds count all references of the process (sys.gettotalrefcount). What a test does
for the first times fills caches, so one run shows nothing. Here each test runs again
and again, with its fixtures made anew, until the total has not grown over a few runs. A
test that never gets there leaks.

Left out are tests whose work is done in other processes, those that are known to leave something
behind (`leaks`), and those by hypothesis, which remembers what it has seen.
"""

from __future__ import annotations

import gc
import sys

import pytest
from _pytest.runner import runtestprotocol

from switchlib import _mechanism

RUNS = 3  # between two looks at the total
LOOKS = 100


def total() -> int:
    """All references there are, when nothing is left to be collected."""
    gc.collect()
    _mechanism.getcurrent()  # kills what the collector found suspended
    gc.collect()
    return sys.gettotalrefcount()


def can_tell(item: pytest.Item) -> bool:
    in_process = (
        "python" not in getattr(item, "fixturenames", ())
        and item.get_closest_marker("once") is None
    )
    by_hypothesis = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return in_process and not by_hypothesis and item.get_closest_marker("leaks") is None


class References:
    def __init__(self) -> None:
        self.leaks: dict[str, int] = {}
        self.passed = 0

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        config.hook.pytest_deselected(items=[item for item in items if not can_tell(item)])
        items[:] = filter(can_tell, items)

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        before = at_rest = 0
        for look in range(LOOKS):
            reports = self.run(item, nextitem, RUNS if look else 1)
            if not all(report.passed for report in reports):
                break
            now = total()
            grown, before = now - before, now
            at_rest = at_rest + 1 if grown <= 0 else 0
            if grown == 0 or at_rest == 2:  # what shrinks once may have hidden a leak
                self.passed += 1
                break
        else:
            self.leaks[item.nodeid] = grown
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def run(
        self, item: pytest.Item, nextitem: pytest.Item | None, times: int
    ) -> list[pytest.TestReport]:
        for _ in range(times):
            item._initrequest()  # type: ignore[attr-defined]
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            if not all(report.passed for report in reports):
                break
        return reports

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.leaks and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("references")
        for name, grown in self.leaks.items():
            terminalreporter.write_line(f"{name}: {grown} more in the last {RUNS} runs")
        terminalreporter.write_line(
            f"{len(self.leaks)} tests leave references behind, {self.passed} do not"
        )


if __name__ == "__main__":
    if not hasattr(sys, "gettotalrefcount"):
        sys.exit("this Python does not count all references; a debug build does")
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[References()]))
