"""What is read of a process is what it knows of itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from switchlib.introspection import process, reader
from tests.introspection.conftest import core_of
from tests.introspection.mixtures import Check

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("its greenlets lie elsewhere"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]


def described(found: process.Process) -> dict:
    """What was read, in the form in which the program describes itself."""
    assert found.notes == []
    return {
        each.address: {
            "id": each.address,
            "state": each.state,
            "class": each.class_name,
            "parent": each.parent_address or None,
            "thread": each.thread.name,
            "frames": [[f.code.filename, f.line, f.code.name] for f in each.frames],
        }
        for each in found.greenlets
    }


def compare(known: str, read: dict, what: str = "") -> None:
    expected = {each["id"]: each for each in json.loads(known)}
    assert len(expected) >= 16
    for address, each in expected.items():
        got = read[address]
        if what and got["state"] == "current" and got["thread"] == "MainThread":
            got["frames"] = got["frames"][: len(each["frames"])]
            for frames in (got["frames"], each["frames"]):
                frames[-1] = [frames[-1][0], 0, frames[-1][2]]  # it has gone on
        assert got == each
    assert set(read) == set(expected)


@pytest.mark.parametrize("what", ["sleep", "wait", "compute"])
@pytest.mark.parametrize("hold", [True, False], ids=["held", "nonblocking"])
def test_all_that_a_process_knows(target, what, hold):
    program = target("plain.py", what)
    time.sleep(0.2)  # until it does that
    read, held = reader.observe(
        program.pid, lambda found: (described(found), found.held), hold=hold
    )
    compare(program.said, read, what)
    assert (held is not None) == hold
    assert program.runs() == (what == "compute")
    assert program.letter() in "RS"


def test_one_that_is_stopped_stays_so(target):
    program = target("plain.py", "compute")
    program.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, program.pid, os.WSTOPPED | os.WNOWAIT)
    for hold in (True, False):
        read, by = reader.observe(
            program.pid, lambda found: (described(found), found.stopped_by), hold=hold
        )
        compare(program.said, read, "compute")
        assert by == "SIGSTOP"
        assert program.stops()
    program.process.send_signal(signal.SIGCONT)
    assert program.runs()


def test_values(target):
    program = target("plain.py", "sleep")

    def values(found: process.Process) -> list:
        objects = found.objects
        return [
            (
                {k: objects.value(v) for k, v in objects.attributes(each.address).items()},
                {k: objects.value(v) for k, v in each.frames[-1].variables().items()},
                each.class_name,
            )
            for each in found.greenlets
            if each.state == "suspended" and not each.is_main
        ]

    variables = {"some": b"bytes", "more": {"key": ("tuple", {1}), 2: "two"}}
    variables |= {"captured": 12345, "closure": "<function object>"}
    worker = {"label": "wörker €", "numbers": [1, -(2**70), 0.5, None, True]}
    read = reader.observe(program.pid, values)
    assert len(read) == 6
    for attributes, local, name in read:
        if name == "__main__.Worker":
            assert (attributes, local) == (worker, variables)
        elif name == "__main__.Slotted":
            assert (attributes, local) == ({"in_a_slot": "slot"}, variables)
        else:
            assert local == variables | {"some": b"", "more": {}}


def test_runs(target):
    program = target("plain.py", "sleep")
    runs = reader.observe(
        program.pid,
        lambda found: {
            each.run.name for each in found.greenlets if each.state == "unstarted" and each.run
        },
    )
    assert runs == {"Worker.run", "outer", "int"}


@pytest.mark.parametrize("hold", [True, False], ids=["held", "nonblocking"])
def test_of_a_large_one_only_what_is_needed_is_copied(target, hold):
    program = target("plain.py", "compute")
    with reader.Reader(program.pid, hold=hold, copy_limit=1000) as found:
        for _ in range(3):
            read = found.read(described)
            compare(program.said, read, "compute")
        copied = found.copied
    assert 0 < copied < 4_000_000
    assert program.runs()


def test_a_core_file(target, tmp_path):
    program = target("plain.py", "sleep")
    time.sleep(0.2)
    path = core_of(program, tmp_path)
    read = reader.read_core(str(path), described)
    compare(program.said, read, "sleep")


@pytest.mark.parametrize("hold", [True, False], ids=["held", "nonblocking"])
def test_no_mixture_of_two_moments(target, hold):
    program = target("storm.py", "300")
    check = Check(300)
    with reader.Reader(program.pid, hold=hold) as found:
        for _ in range(40):
            found.read(check)
    assert check.mixtures == []
    assert check.counted["suspended"] > 10_000
    assert program.runs()


def test_a_reader_that_dies_lets_go(target):
    program = target("plain.py", "compute")
    code = (
        "import os, sys; from switchlib.introspection.hold import Hold\n"
        "with Hold(int(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(program.pid)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert program.runs()


def test_many(target, tmp_path):
    program = target("many.py", "100000")
    before = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "switchlib", "ps", str(program.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    took = time.perf_counter() - before
    lines = done.stdout.splitlines()
    assert len(lines) == 100_001 + 3
    assert "100,000 suspended" in lines[0]
    held = float(lines[0].split("held for ")[1].split()[0])
    assert held < 1000
    assert took < 20  # 3 s on an idle machine
