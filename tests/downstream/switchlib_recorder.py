"""A plugin for pytest that writes what becomes of each test to a file at once,
so that a crash loses nothing.
"""

from __future__ import annotations

import json
import os

import pytest

RECORD = os.environ["SWITCHLIB_RECORD"]


def record(node: str, outcome: str) -> None:
    with open(RECORD, "a") as file:
        file.write(json.dumps([node, outcome]) + "\n")


def pytest_runtest_logstart(nodeid: str) -> None:
    record(nodeid, "crashed")  # unless another line follows


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.outcome != "passed":
        record(report.nodeid, report.outcome)
    elif report.when == "call":
        record(report.nodeid, "passed")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        record(report.nodeid, "failed")
