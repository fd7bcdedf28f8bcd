"""tests/downstream: how the outcomes of other projects' tests are read,
and when one counts as worse.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.downstream.__main__ import Comparison
from tests.downstream.environments import HERE, Environment
from tests.downstream.suites import Outcome, Suite, gevent_outcome

pytestmark = pytest.mark.once

# Lines as gevent's runner prints them.
COMMAND = (
    "GEVENTTEST_USE_RESOURCES=-network /usr/bin/python3.11 -u -m unittest gevent.tests.test__a "
    "gevent.tests.test__b"
)
ALONE = "GEVENTTEST_USE_RESOURCES=-network /usr/bin/python3.11 -u -mgevent.tests.test__c"


def test_what_gevents_runner_says() -> None:
    output = f"""
\x1b[0m- {COMMAND} [Ran 10 tests in 0.6s\x1b[1;33m (skipped=4)\x1b[0m]
| {COMMAND}
  ..F.E
  FAIL: test_one (gevent.tests.test__b.Case.test_one)
  ERROR: test_two (gevent.tests.test__a.Case)
  AssertionError
\x1b[1;31m! {COMMAND} [code 1] \x1b[1;35m[Ran 20 tests in 26.7s]\x1b[0m
 - {ALONE} [took 2.0s]
| {ALONE}
  ERROR: test_three (__main__.Test.test_three)
! {ALONE} [code 1] [took 3.8s]
! {ALONE} [code -11] [took 3.8s]
"""
    passed, skipped, bad = gevent_outcome(output)
    assert (passed, skipped) == (6 + 18 + 1, 4)
    assert bad == {
        "test__b: Case.test_one": "failed",
        "test__a: Case.test_two": "failed",
        "test__c: Test.test_three": "failed",
        "test__c: exit status -11": "crashed",
    }


def test_the_recorder_distinguishes_a_crash_from_a_failure(tmp_path: Path) -> None:
    shutil.copy(HERE / "switchlib_recorder.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import os, pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 0\n"
        "def test_skipped(): pytest.skip('so')\n"
        "@pytest.fixture\n"
        "def broken():\n    yield\n    1 / 0\n"
        "def test_bad_end(broken): pass\n"
        "def test_crash(): os.abort()\n"
    )
    record = tmp_path / "record"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "switchlib_recorder",
            "-p",
            "no:cacheprovider",
            "test_it.py",
        ],
        cwd=tmp_path,
        env=os.environ | {"SWITCHLIB_RECORD": str(record)},
        capture_output=True,
        check=False,
    )
    outcomes = dict(json.loads(line) for line in record.read_text().splitlines())
    assert {test.split("::")[1]: outcome for test, outcome in outcomes.items()} == {
        "test_good": "passed",
        "test_bad": "failed",
        "test_skipped": "skipped",
        "test_bad_end": "failed",
        "test_crash": "crashed",
    }


class Scripted(Suite):
    """Tests of which is told in advance in which of its runs, counted for each environment,
    each fails.
    """

    name = "scripted"

    def __init__(self, **failures: list[dict[str, str]]) -> None:
        self.failures = failures
        self.asked: list[tuple[str, set[str]]] = []

    def run(self, environment: Environment, only: Iterable[str] = ()) -> Outcome:
        self.asked.append((environment.name, set(only)))
        bad = self.failures[environment.name].pop(0)
        return Outcome(
            10 - len(bad),
            0,
            bad,
            seconds=2.0 if environment.name == "greenlet" else 1.0,
            megabytes=10.0,
        )


PAIR = Environment("greenlet", Path("g")), Environment("switchlib", Path("s"))


def test_worse_is_three_times_against_none() -> None:
    bad = {"always": "failed", "once": "failed", "both": "failed"}
    suite = Scripted(
        greenlet=[{"both": "failed"}, {}, {}],
        switchlib=[bad, {"always": "failed", "other": "failed"}, bad],
    )
    comparison = Comparison(suite, PAIR)
    comparison.run(rounds=1)
    assert suite.asked == [
        ("greenlet", set()),
        ("switchlib", set()),
        ("switchlib", {"always", "once"}),
        ("greenlet", {"always", "once"}),
        ("greenlet", {"always"}),
        ("switchlib", {"always"}),
    ]
    assert comparison.worse == {"always"}
    assert "WORSE    scripted: always" in comparison.remarks()
    assert comparison.row().split() == ["scripted", "9", "1", "7", "3", "1", "0.50", "1.00"]


def test_a_failure_on_greenlet_clears() -> None:
    suite = Scripted(
        greenlet=[{}, {"flaky": "failed"}], switchlib=[{"flaky": "failed"}, {"flaky": "failed"}]
    )
    comparison = Comparison(suite, PAIR)
    comparison.run(rounds=1)
    assert comparison.worse == set()
    assert not comparison.crashes


def test_a_crash_counts_whatever_greenlet_does() -> None:
    suite = Scripted(greenlet=[{"it": "crashed"}], switchlib=[{"it": "crashed"}])
    comparison = Comparison(suite, PAIR)
    comparison.run(rounds=1)
    assert comparison.crashes == {"it"}
    assert "CRASHED  scripted: it" in comparison.remarks()
