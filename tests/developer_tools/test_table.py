"""docs/tools.md has a row for each check, and none that is worse on switchlib.

`python -m tests.developer_tools` makes the table; that takes too long for a test.
"""

from __future__ import annotations

import re

import pytest

from tests.developer_tools import checks, table  # noqa: F401
from tests.developer_tools.check import CHECKS

pytestmark = [pytest.mark.once, pytest.mark.cpython("the page is the same everywhere")]


def rows() -> list[list[str]]:
    text = table.PAGE.read_text()
    begin, end = (text.index(mark) for mark in table.MARKS)
    lines = [line for line in text[begin:end].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]


def test_each_check_has_a_row():
    written = {(row[0].split(" ")[0], row[1]) for row in rows()}
    assert {(each.tool.split(" ")[0], each.what) for each in CHECKS} == written


def test_no_row_is_worse_than_on_greenlet():
    assert len(rows()) > 40
    assert [row for row in rows() if row[3] == "works" and not row[4].startswith("works")] == []


@pytest.mark.parametrize(
    ("greenlet", "switchlib", "bad", "bad_as_control"),
    [(True, True, False, True), (True, False, True, True), (False, False, False, False)],
)
def test_what_is_bad(greenlet, switchlib, bad, bad_as_control):
    row = {"greenlet": {"works": greenlet}, "switchlib": {"works": switchlib}}
    assert table.is_bad(row, control=False) is bad
    assert table.is_bad(row, control=True) is bad_as_control
