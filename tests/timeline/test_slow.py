"""report_slow: which greenlets let no other one run."""

from __future__ import annotations

import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import switchlib
from switchlib import _mechanism, _timeline, getcurrent, greenlet

pytestmark = [
    pytest.mark.cpython("it needs a thread that runs no Python"),
    pytest.mark.native("a system call of the emulator's is not that of the program"),
]

HEAD = re.compile(
    r"switchlib: slow: greenlet 0x[0-9a-f]+(?: \((.*?)\))? has run for (\d+) ms without a switch "
    r"\(processor: (\d+) ms\), while (\d+) others? waits?; thread 0x[0-9a-f]+(?: \((.*?)\))?, "
    r"most recent call first:\n((?:  .*\n)*)\n"
)


class Reports:
    """What is reported while the `with` statement runs: tuples of HEAD's groups."""

    def __init__(self, path: Path, milliseconds: float) -> None:
        self.path = path
        self.milliseconds = milliseconds
        self.found: list[tuple[str, ...]] = []

    def __enter__(self) -> Reports:
        self.file = self.path.open("w")
        switchlib.report_slow(self.milliseconds, file=self.file)
        return self

    def __exit__(self, *_: object) -> None:
        assert switchlib.stop_report_slow()
        self.file.close()
        text = self.path.read_text()
        self.found = HEAD.findall(text)
        assert HEAD.sub("", text) == ""

    def until(self, count: int = 1, step: Callable[[], object] = lambda: None) -> None:
        """Runs on until there are so many reports: the machine may be busy."""
        deadline = time.monotonic() + 30
        while self.path.read_text().count("\n\n") < count and time.monotonic() < deadline:
            step()

    def names(self) -> list[str]:
        return [name.rpartition(".")[2] for name, *_ in self.found]


@pytest.fixture
def reports(tmp_path):
    return lambda milliseconds=40: Reports(tmp_path / "reports", milliseconds)


def waiter() -> greenlet:
    """One that is suspended, and so waits."""
    each = greenlet(lambda: getcurrent().parent.switch())
    each.switch()
    return each


def compute(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_one_that_computes_is_reported_once(reports):
    other = waiter()

    def busy():
        found.until()
        compute(0.2)

    with reports() as found:
        greenlet(busy).switch()
    ((name, ran, cpu, others, thread, stack),) = found.found
    assert name.endswith("busy")
    assert int(ran) >= 40
    assert 0 < int(cpu) <= int(ran) + 40
    assert (others, thread) == ("2", "MainThread")
    assert "in busy\n" in stack
    assert not other.dead


def test_one_that_is_stuck_in_c_is_reported_while_it_is(reports, tmp_path):
    seen = []

    def blocked():
        for size in (1, 3, 9, 27):  # no bytecode runs meanwhile, and the GIL is held
            if not "".join(seen):
                sum(range(size * 10_000_000))
                seen.append((tmp_path / "reports").read_text())

    with reports(20) as found:
        greenlet(blocked).switch()
    assert "blocked" in seen[-1]
    assert found.names() == ["blocked"]


def test_one_that_sleeps_is_reported(reports):
    other = waiter()
    with reports() as found:
        greenlet(lambda: found.until(step=lambda: time.sleep(1))).switch()
        other.switch()
    ((_, _, cpu, *_),) = found.found
    assert int(cpu) < 40


def test_each_stretch_is_reported_by_itself(reports):
    main = getcurrent()

    def busy():
        for i in range(3):
            found.until(i + 1)
            main.switch()

    each = greenlet(busy)
    with reports() as found:
        for _ in range(3):
            each.switch()
    assert found.names() == ["busy"] * 3
    del each


def test_a_lone_main_greenlet_is_not_reported(reports):
    with reports() as found:
        compute(0.15)
    assert found.found == []


def test_those_that_switch_often_are_not_reported(reports):
    main = getcurrent()

    def work():
        while True:
            main.switch()

    each = greenlet(work)
    with reports(500) as found:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            each.switch()
    assert found.found == []


def test_the_time_counts_from_when_another_could_run(reports):
    with reports(500) as found:
        compute(0.7)
        each = greenlet(lambda: None)
        compute(0.05)
        each.switch()
    assert found.found == []


def test_another_thread(reports):
    def body():
        other = waiter()
        greenlet(found.until).switch()
        other.switch()

    with reports() as found:
        thread = threading.Thread(target=body, name="the other")
        thread.start()
        thread.join()
    ((*_, name, _),) = found.found
    assert name == "the other"


def test_an_event_loop_that_waits_is_not_reported(reports):
    """asyncio's, as SQLAlchemy runs it; but what it calls is reported."""
    import asyncio

    async def run():
        other = waiter()
        greenlet(lambda: None).switch()  # so that the recorder sees the loop
        await asyncio.sleep(1)
        assert (found.path.read_text()) == ""
        found.until()
        other.switch()

    with reports(200) as found:
        asyncio.run(run())
    assert found.names() == ["main"]


def test_while_a_timeline_is_recorded_too(reports, tmp_path):
    other = waiter()
    with reports() as found:
        with switchlib.timeline(tmp_path / "timeline.json"):
            greenlet(found.until).switch()
        assert _mechanism.timeline_counts() is not None
        greenlet(lambda: found.until(2)).switch()
    assert _mechanism.timeline_counts() is None
    assert found.names() == ["until", "<lambda>"]
    with switchlib.timeline(tmp_path / "timeline.json"), reports() as found:
        greenlet(found.until).switch()
    assert found.names() == ["until"]
    other.switch()


def test_a_timeline_goes_on_when_reports_stop(reports):
    _timeline.begin(1000)
    with reports():
        greenlet(lambda: None).switch()
    greenlet(lambda: None).switch()
    assert len(_timeline.end().slices) == 5


@pytest.mark.once
def test_bad_arguments():
    for wrong in (0, -1, 0.5, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="millisecond"):
            switchlib.report_slow(wrong)
    with pytest.raises(OSError, match="descriptor"):
        switchlib.report_slow(10, file=10_000)
    assert not switchlib.stop_report_slow()


@pytest.mark.once
def test_only_once_at_a_time(reports):
    with reports(), pytest.raises(RuntimeError, match="already"):
        switchlib.report_slow(10, file=1)


@pytest.mark.once
def test_on_and_off_many_times(reports):
    for _ in range(100):
        with reports(1):
            greenlet(lambda: None).switch()


def test_greenlets_and_threads_that_come_and_go(reports):
    stop = threading.Event()

    def body():
        while not stop.is_set():
            others = [waiter() for _ in range(20)]
            thread = threading.Thread(target=lambda: waiter().switch())
            thread.start()
            thread.join()
            for each in others:
                each.switch()

    with reports(1):
        threads = [threading.Thread(target=body) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()


PROGRAM = """\
import os, sys, time
import switchlib
from switchlib import getcurrent, greenlet
switchlib.report_slow(40)
other = greenlet(lambda: getcurrent().parent.switch())
other.switch()
def busy():
    time.sleep(1)
"""


@pytest.mark.once
def test_the_interpreter_ends_while_one_is_slow(python):
    done = python("-c", PROGRAM + "greenlet(busy).switch()")
    assert done.stderr.count("switchlib: slow:") == 1
    done = python("-c", PROGRAM + "def end():\n    time.sleep(1)\n    sys.exit(3)\n"
                                  "greenlet(end).switch()", check=False)  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.count("switchlib: slow:") == 1


@pytest.mark.once
def test_a_forked_child_reports_nothing_until_it_is_asked(python):
    program = PROGRAM + (
        "child = os.fork()\n"
        "if child == 0:\n"
        "    greenlet(busy).switch()\n"
        "    assert not switchlib.stop_report_slow()\n"
        "    switchlib.report_slow(40)\n"
        "    greenlet(busy).switch()\n"
        "    os._exit(0 if switchlib.stop_report_slow() else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "other.switch()\n"
    )
    done = python("-W", "ignore::DeprecationWarning", "-c", program)
    by_name = [name for name, *_ in HEAD.findall(done.stderr)]
    assert by_name.count("busy") == 1
    assert by_name.count("main") == 1  # of the parent, which waits


@pytest.mark.once
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_no_signal_reaches_the_thread(reports):
    def blocked() -> dict[str, int]:
        found = {}
        for task in Path("/proc/self/task").iterdir():
            text = (task / "status").read_text()
            found[task.name] = int(re.findall(r"SigBlk:\s*(\w+)", text)[0], 16)
        return found

    before = blocked()
    with reports():
        during = blocked()
    (new,) = during.keys() - before.keys()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, signal.SIGALRM):
        assert during[new] >> (signum - 1) & 1
