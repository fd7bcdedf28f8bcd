"""The programs' own tests: how each is run in an environment, and how to read what came out."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.downstream.environments import CACHE, Environment, tests_of

# All of it runs in a network of its own, where there is nothing but the loopback interface.
ON_LOOPBACK = (
    "unshare",
    "--map-root-user",
    "--net",
    "sh",
    "-c",
    'ip link set lo up && exec "$@"',
    "sh",
)


class Absent(Exception):
    """Something that a program needs is not on this machine; says what."""


@dataclass
class Outcome:
    """What became of the tests, and what it cost."""

    passed: int
    skipped: int
    bad: dict[str, str]
    """Those that failed or crashed, by name."""
    seconds: float
    """Of processors."""
    megabytes: float
    """Resident, of the largest process."""


@dataclass
class Finished:
    status: int
    output: str
    seconds: float
    megabytes: float


def execute(
    command: Iterable[str], variables: Mapping[str, str], directory: Path, limit: float
) -> Finished:
    """Runs a command on loopback alone; ends it, and what it started, after `limit` seconds."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            [*ON_LOOPBACK, *command],
            cwd=directory,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + limit
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.1)
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return Finished(
            process.returncode,
            output.read(),
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
        )


class Suite(ABC):
    name: str

    @abstractmethod
    def run(self, environment: Environment, only: Iterable[str] = ()) -> Outcome:
        """Runs the tests once; or, if tests are named in `only`, the files that they are in."""


@dataclass
class Pytest(Suite):
    """Tests of a source distribution that pytest runs."""

    name: str
    requirement: str
    kept: tuple[str, ...]
    """What to unpack of it."""
    arguments: tuple[str, ...]
    files: tuple[str, ...]
    limit: float = 1800.0

    def variables(self) -> dict[str, str]:
        return {}

    def run(self, environment: Environment, only: Iterable[str] = ()) -> Outcome:
        directory = tests_of(self.requirement, self.kept)
        files = sorted({test.split("::")[0] for test in only}) or self.files
        with tempfile.TemporaryDirectory() as scratch:
            record = Path(scratch) / "record"
            record.touch()
            options = ("-q", "-p", "no:cacheprovider", "-p", "switchlib_recorder", *self.arguments)
            finished = execute(
                [environment.python, "-m", "pytest", *options, *files],
                environment.variables | {"SWITCHLIB_RECORD": str(record)} | self.variables(),
                directory,
                self.limit,
            )
            tests = dict(json.loads(line) for line in record.read_text().splitlines())
        if not tests:
            raise RuntimeError(f"pytest ran no test of {self.name}:\n{finished.output[-3000:]}")
        counts = Counter(tests.values())
        bad = {test: outcome for test, outcome in tests.items() if outcome in ("failed", "crashed")}
        if finished.status not in (0, 1):
            bad[f"{files[-1]}::exit status {finished.status}"] = "crashed"
        return Outcome(
            counts["passed"], counts["skipped"], bad, finished.seconds, finished.megabytes
        )


@dataclass
class Playwright(Pytest):
    def variables(self) -> dict[str, str]:
        return {"PLAYWRIGHT_BROWSERS_PATH": str(_browsers())}


def _browsers() -> Path:
    """A directory in which Playwright finds Debian's chromium where it looks for its own."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise Absent("chromium (Debian: apt-get install chromium)")
    directory = CACHE / "browsers"
    revision = 1255  # of chromium, in the browsers.json of Playwright 1.65.2
    for folder, name in (
        (f"chromium-{revision}", "chrome-linux64/chrome"),
        (
            f"chromium_headless_shell-{revision}",
            "chrome-headless-shell-linux64/chrome-headless-shell",
        ),
    ):
        link = directory / folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(chromium)
        (directory / folder / "INSTALLATION_COMPLETE").touch()
    return directory


# The lines of gevent's runner: one when a command begins to say something, its output,
# one when it ends.
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ENDED = re.compile(
    r"^ ?(?P<how>[-!]) .*?python\S* .*?(?P<modules>gevent\.tests\.\w[\w. ]*?) \[(?P<rest>.*)$"
)
FAILED = re.compile(r"^\s+(?:FAIL|ERROR): (?P<test>\S+) \((?P<where>[\w.<>]+)\)")
RAN = re.compile(r"Ran (\d+) tests?")
SKIPPED = re.compile(r"skipped=(\d+)")
CODE = re.compile(r"code (\S+?)\]")


def gevent_outcome(output: str) -> tuple[int, int, dict[str, str]]:
    """How many tests passed and were skipped, and which failed, as gevent's runner reports."""
    passed = skipped = 0
    bad: dict[str, str] = {}
    failed: list[tuple[str, str]] = []
    for line in COLOURS.sub("", output).splitlines():
        if match := FAILED.match(line):
            failed.append((match["test"], match["where"]))
        elif match := ENDED.match(line):
            modules = match["modules"].replace("gevent.tests.", "").split()
            ran, left_out = RAN.search(match["rest"]), SKIPPED.search(match["rest"])
            here = {_gevent_name(test, where, modules): "failed" for test, where in failed}
            if match["how"] == "!" and not here:  # it ended before it could report
                code = CODE.search(match["rest"])
                status = code[1] if code else "?"
                here[f"{','.join(modules)}: exit status {status}"] = (
                    "crashed" if status.startswith("-") else "failed"
                )
            elif match["how"] == "-":
                here.clear()  # what is known to fail, or failed and then passed
            bad |= here
            number = int(ran[1]) if ran else 1
            skipped += int(left_out[1]) if left_out else 0
            passed += max(number - (int(left_out[1]) if left_out else 0) - len(here), 0)
            failed.clear()
    return passed, skipped, bad


def _gevent_name(test: str, where: str, modules: list[str]) -> str:
    """module: class.test, of `test_x (gevent.tests.module.Class.test_x)`, as unittest prints it."""
    module, _, rest = where.removeprefix("gevent.tests.").partition(".")
    name = rest if rest.endswith(f".{test}") or rest == test else f"{rest}.{test}"
    return f"{modules[0] if module == '__main__' else module}: {name}"


@dataclass
class Gevent(Suite):
    """gevent's tests, which its wheel brings along, by its own runner."""

    name: str
    modules: tuple[str, ...] = ()
    """All if none is named."""
    pure: bool = False
    limit: float = 3600.0

    def run(self, environment: Environment, only: Iterable[str] = ()) -> Outcome:
        modules = (
            sorted({module for test in only for module in test.split(":")[0].split(",")})
            or self.modules
        )
        finished = execute(
            [
                *(environment.python, "-m", "gevent.tests", "--processes", "1", "-u-network"),
                *(f"{module}.py" for module in modules),
            ],
            environment.variables | ({"PURE_PYTHON": "1"} if self.pure else {}),
            Path(tempfile.gettempdir()),
            self.limit,
        )
        passed, skipped, bad = gevent_outcome(finished.output)
        if not passed and not bad:
            raise RuntimeError(f"gevent ran no test:\n{finished.output[-3000:]}")
        return Outcome(passed, skipped, bad, finished.seconds, finished.megabytes)


SQLALCHEMY = Pytest(
    "sqlalchemy",
    "sqlalchemy==2.1.9",
    ("test", "pyproject.toml", "setup.cfg", "examples", "lib/sqlalchemy/testing/plugin"),
    ("-p", "no:trio", "-p", "no:asyncio", "--db", "aiosqlite"),
    (
        *(
            "test/base/test_concurrency.py",
            "test/ext/asyncio",
            "test/engine",
            "test/dialect/sqlite",
        ),
        *("test/dialect/test_suite.py", "test/orm/test_session.py", "test/orm/test_transaction.py"),
    ),
)

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Gevent("gevent"),
        Gevent("gevent-pure", pure=True),
        Pytest(
            "eventlet",
            "eventlet==0.41.3",
            ("tests",),
            (
                *("-W", "ignore", "-p", "no:trio", "-p", "no:asyncio"),
                # These two want an address elsewhere that does not answer.
                *("--deselect", "tests/greenio_test.py::TestGreenSocket::test_connect_timeout"),
                *("--deselect", "tests/greenio_test.py::TestGreenSocket::test_connect_ex_timeout"),
            ),
            ("tests",),
        ),
        SQLALCHEMY,
        Pytest(
            "greenback",
            "greenback==1.3.0",
            (),
            ("-W", "ignore", "-p", "no:asyncio", "--pyargs"),
            ("greenback._tests.test_impl", "greenback._tests.test_util"),
        ),
        Playwright(
            "playwright",
            "playwright==1.65.2",
            ("tests", "pyproject.toml"),
            ("-p", "no:trio", "--browser", "chromium"),
            (
                "tests/sync/python",
                "tests/sync/page/test_page_basic.py",
                "tests/sync/page/test_page_route.py",
            ),
        ),
    )
}

SHORT: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Gevent(
            "gevent",
            (
                "test__greenlet",
                "test__hub",
                "test__queue",
                "test__event",
                "test__pool",
                "test__timeout",
            ),
        ),
        replace(SQLALCHEMY, files=("test/base/test_concurrency.py", "test/ext/asyncio")),
    )
}
