"""A process is read at each instruction of some switches: all that is read fits together."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter

import pytest

from switchlib.introspection.hold import WALL, Hold
from switchlib.introspection.process import Process
from switchlib.introspection.reader import Reader
from tests.introspection.mixtures import Check

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("its greenlets lie elsewhere"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uses ptrace"),
]

PTRACE_SINGLESTEP = 9
STEPS = 8_000  # several switches, and a few lives


class Steps(Hold):
    """Lets the first thread of a process that is held run for one instruction."""

    def step(self) -> None:
        assert self._call(PTRACE_SINGLESTEP, self.pid) == 0
        _, status = os.waitpid(self.pid, WALL)
        assert os.WIFSTOPPED(status)
        assert os.WSTOPSIG(status) == signal.SIGTRAP


class SteppedReader(Reader):
    """Reads a process that another one has stopped."""

    def now(self) -> Process:
        found = self._begin(self._memory)
        found.name_threads = lambda: None  # type: ignore[method-assign]  # it takes longest
        found.load()
        found.held = 0.0
        states = [each.state for each in found.greenlets]
        assert found.is_switching() == ("switching" in states)
        assert found.notes == []
        return found


def test_switches(target):
    program = target("storm.py", "3")
    check = Check(3)
    with SteppedReader(program.pid) as reader:
        reader.read(check)
        with Steps(program.pid) as held:
            for _ in range(STEPS):
                held.step()
                check(reader.now())
                assert check.mixtures == []
    assert check.counted["switching"] > 100
    assert check.counted["suspended"] > STEPS
    assert program.runs()


def test_starts_and_ends(target):
    program = target("lives.py")
    seen = Counter()
    with SteppedReader(program.pid) as reader, Steps(program.pid) as held:
        for _ in range(STEPS):
            held.step()
            found = reader.now()
            assert sum(each.is_main for each in found.greenlets) == 1
            for each in found.greenlets:
                whole = ["<module>", "live"] if each.is_main else ["first", "second", "third"]
                names = [frame.code.name for frame in each.frames]
                assert names == whole[: len(names)]
                if each.state == "suspended":
                    # What live() has forgotten is killed when live() has returned already.
                    assert names == whole or (each.is_main and names == whole[:1])
                elif each.state != "current":
                    assert names == []
                seen[each.state] += 1
    assert min(seen[each] for each in ("current", "suspended", "switching", "unstarted")) > 50
    assert program.runs()
