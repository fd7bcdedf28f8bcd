"""Runs greenlet's own tests, unchanged, over switchlib's shim.

    python -m tests.upstream [FILE ...]

The wheel of greenlet 3.5.6 is fetched with pip; its test package is put next to the shim in a
temporary directory, and pytest runs each file in a process of its own, with the shortcuts on and
off. Prints a table and, for each test that did not pass, why. Ends with 1 if one of those is not in
EXPECTED, or if one in EXPECTED passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from switchlib import shim
from tests.download import download
from tests.upstream import VERSION
from tests.upstream.pypy import NOT_ON_PYPY

SHIM = Path(shim.__file__).parent
HERE = Path(__file__).parent
PYPY = sys.implementation.name == "pypy"
MODES = {"shortcuts": "1", "policy": "0"}
LEFT_OUT = NOT_ON_PYPY if PYPY else {}
SECONDS_A_FILE = 3600
NO_TESTS = 5  # how pytest ends when all are left out
LEAK_CHECKS = (
    {"GREENLET_SKIP_LEAKCHECKS": "1"} if PYPY else {}
)  # they count all objects, after each of many runs
NO_PLUGINS = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"
}  # PyPy takes 3 s to load hypothesis's, for each file anew


@dataclass(frozen=True)
class Failure:
    """A test that does not pass, and why a maintainer of greenlet would accept it."""

    test: str
    reason: str
    where: str = ""
    """In words, if not everywhere."""
    is_here: bool = True


FAILURES = (
    Failure(
        "test_stack_saved.Test.test_stack_saved",
        "it expects bytes of the main greenlet in the heap while another one runs. switchlib "
        "begins a new stack exactly below main's last byte, so that none of main's bytes has to "
        "move",
    ),
    Failure(
        "test_greenlet_trash.TestTrashCanReEnter.test_it",
        "it expects destructors to run in a greenlet that begins at the limit of C recursion, 500 "
        "on this build. greenlet ends in a segmentation fault here; switchlib leaves what waits to "
        "the next stack with room",
        "on debug builds of CPython 3.13",
        sys.version_info[:2] == (3, 13) and hasattr(sys, "gettotalrefcount"),
    ),
    Failure(
        "test_greenlet.TestGreenlet.test_throw_to_dead_thread_doesnt_crash",
        "it expects that nothing leaks when a suspended greenlet is dropped whose thread has "
        "ended. switchlib frees all but the operands of the instruction in which the greenlet is "
        "suspended: here the greenlet whose `switch` was called. It is not known whether an "
        "operand is still there, since a call that fails drops its operands before it takes them "
        "off the evaluation stack. greenlet frees them once more then, and ends in a segmentation"
        " fault (`tests/regressions/operands_of_a_failed_call.py`). On older versions greenlet "
        "frees nothing",
        "from CPython 3.15 on",
        sys.version_info[:2] >= (3, 15),
    ),
)
EXPECTED = {failure.test: failure.reason for failure in FAILURES if failure.is_here}
BETTER = "to leak but it did not"  # what a test marked fails_leakcheck says when nothing leaks


@dataclass
class Outcome:
    counts: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


def overlay(directory: Path) -> None:
    """Makes `directory` one in which `import greenlet` is the shim and
    `greenlet.tests` is greenlet's.
    """
    # There is no wheel for PyPy; the tests are the same in all.
    other = ("--python-version", "3.11", "--implementation", "cp")
    other += ("--platform", "manylinux_2_24_x86_64")
    download(f"greenlet=={VERSION}", directory, "--only-binary", ":all:", *(other if PYPY else ()))
    (wheel,) = directory.glob("greenlet-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        # Where there are libraries in the wheel, as in those for musl, the tests in C++ need them.
        wanted = ("greenlet/tests/", "greenlet.libs/")
        archive.extractall(
            directory, [name for name in archive.namelist() if name.startswith(wanted)]
        )
    wheel.unlink()
    shutil.copytree(
        SHIM, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(HERE / "furniture.py", directory / "greenlet" / "_furniture.py")
    shutil.copy(HERE.parent / "frozen.py", directory)
    with (directory / "greenlet" / "__init__.py").open("a") as package:
        package.write("from . import _furniture\n")


def run_file(directory: Path, name: str, shortcuts: str) -> Outcome:
    """Runs one test file in a process of its own."""
    report = directory / f"{name}.{shortcuts}.xml"
    path = os.pathsep.join([str(directory), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-X",
                "faulthandler",
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "-W",
                "ignore",
            ),
            *("-p", "frozen"),
            *(f"--junitxml={report}", f"greenlet/tests/{name}.py"),
            *(f"--deselect=greenlet/tests/{test}" for test in LEFT_OUT),
        ],
        cwd=directory,
        env=os.environ
        | {"SWITCHLIB_SHORTCUTS": shortcuts, "PYTHONPATH": path}
        | NO_PLUGINS
        | LEAK_CHECKS,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_A_FILE,
    )
    outcome = Outcome()
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    nothing_ran = done.returncode == NO_TESTS and any(
        test.startswith(f"{name}.py::") for test in LEFT_OUT
    )
    if not cases and not nothing_ran:
        outcome.counts["crashed"] += 1
        outcome.unexpected.append(
            f"{name}: exit status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
        return outcome
    # Subtests are further cases, with the name of their test.
    seen: set[str] = set()
    for case in cases:
        judge(outcome, case, seen)
    return outcome


def judge(outcome: Outcome, case: ElementTree.Element, seen: set[str]) -> None:
    module, _, rest = case.get("classname", "").rpartition("tests.")
    test = ".".join(filter(None, [rest or module, case.get("name", "")]))
    bad = case.find("failure") if case.find("failure") is not None else case.find("error")
    skipped = case.find("skipped")
    reason = EXPECTED.get(test)
    if bad is not None and BETTER in (bad.get("message") or ""):
        outcome.counts["better"] += 1
        outcome.remarks.append(f"better    {test}: expects a leak, and nothing leaks")
    elif bad is not None and reason is not None:
        outcome.counts["expected"] += 1
        outcome.remarks.append(f"expected  {test}: {reason}")
    elif bad is not None:
        outcome.counts["failed"] += 1
        outcome.unexpected.append(f"{test}\n{bad.text}")
    elif skipped is not None:
        outcome.counts["skipped"] += 1
        outcome.remarks.append(f"skipped   {test}: {skipped.get('message')}")
    elif test in EXPECTED:
        outcome.unexpected.append(f"{test} passes: take it out of EXPECTED")
    elif test not in seen:
        outcome.counts["passed"] += 1
    seen.add(test)


COLUMNS = ("passed", "better", "expected", "failed", "crashed", "skipped")


def main(wanted: list[str]) -> int:
    unexpected: list[str] = []
    remarks: Counter[str] = Counter()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        overlay(directory)
        files = sorted(path.stem for path in (directory / "greenlet" / "tests").glob("test_*.py"))
        names = wanted or [name for name in files if f"{name}.py" not in LEFT_OUT]
        print(f"{'file':<28} {'mode':<10}" + "".join(f"{column:>10}" for column in COLUMNS))
        for name in names:
            for mode, shortcuts in MODES.items():
                outcome = run_file(directory, name, shortcuts)
                print(
                    f"{name:<28} {mode:<10}"
                    + "".join(f"{outcome.counts[column]:>10}" for column in COLUMNS),
                    flush=True,
                )
                total.update(outcome.counts)
                remarks.update(outcome.remarks)
                unexpected += [f"[{mode}] {text}" for text in outcome.unexpected]
    print(f"{'all':<39}" + "".join(f"{total[column]:>10}" for column in COLUMNS))
    print()
    for test, reason in LEFT_OUT.items():
        print(f"left out  {test}: {reason}")
    for remark in sorted(remarks):
        print(remark)
    for text in unexpected:
        print(f"\nFAILED {text}")
    print(
        "\n"
        f"{total['passed'] + total['better']} passed, {len(unexpected)} failed, {total['skipped']} "
        "skipped"
    )
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
