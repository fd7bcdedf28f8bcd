"""Tests the switchlib that is installed, as by a wheel: `python PATH/TO/installed.py`.

It is run by the Python in whose environment switchlib was installed, with the extra `test`
and, for greenlet's own tests, objgraph. The tests are copied to a directory that has no
switchlib of its own, so they cannot find that of a clone. What it prints last is a line for
each job. Ends with 1 if one failed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]
FILES = ("tests", "docs", "examples", "pyproject.toml")
"""What the tests need of a clone. tools/wheels_run.py takes the same files,
and runs the same tests.
"""

CORE = ("tests/greenlet", "tests/model", "tests/install/test_demo.py")
LIBRARY = (
    *CORE,
    "tests/mechanism",
    "tests/regressions",
    "tests/tstate/test_frames.py",
    "tests/tstate/test_tstate.py",
)
ON_PYPY = (
    *CORE,
    "tests/mechanism/test_mechanism.py",
    "tests/mechanism/test_pypy.py",
    "tests/mechanism/test_walks.py",
)
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
PYPY = sys.implementation.name == "pypy"
JOBS = {
    "demo": ("-m", "switchlib", "demo"),
    "tests": (*PYTEST, *(ON_PYPY if PYPY else LIBRARY)),
    "greenlet's tests": ("-m", "tests.upstream"),
    "random programs": ("-m", "tests.model", "--programs", "500" if PYPY else "5000"),
}


def main() -> int:
    lines, fine = [], True
    with tempfile.TemporaryDirectory(prefix="switchlib-installed-") as directory:
        for name in FILES:
            copy = shutil.copytree if (CLONE / name).is_dir() else shutil.copy
            copy(CLONE / name, Path(directory, name))
        where = [
            sys.executable,
            "-c",
            "import switchlib; print(switchlib.__version__, switchlib.__file__)",
        ]
        lines.append(
            "switchlib " + subprocess.check_output(where, cwd=directory, text=True).strip()
        )
        for name, arguments in JOBS.items():
            began = time.monotonic()
            status = subprocess.run(
                [sys.executable, *arguments], cwd=directory, check=False
            ).returncode
            fine &= status == 0
            took = f"{time.monotonic() - began:.0f} s"
            lines.append(
                f"{name}: {'passed' if status == 0 else f'FAILED, exit status {status}'}, {took}"
            )
    print("", *lines, sep="\n", flush=True)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
