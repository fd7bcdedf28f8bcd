"""Processes in odd conditions, and what the commands say about them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from switchlib.introspection import reader
from switchlib.introspection.errors import IntrospectionError

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("its greenlets lie elsewhere"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

BEGIN = """
import os, sys, threading, time
from switchlib import getcurrent, greenlet
def wait(): getcurrent().parent.switch()
waiting = greenlet(wait)
waiting.switch()
"""
SAY = "print('ready', flush=True)\n"


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a program in Python, and waits for its first line."""
    with contextlib.ExitStack() as stack:

        def begin(code: str, *arguments: str) -> subprocess.Popen:
            found = subprocess.Popen(
                [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
            )
            assert found.stdout is not None
            stack.callback(found.stdout.close)
            stack.callback(found.wait)
            stack.callback(found.kill)
            found.said = found.stdout.readline()  # type: ignore[attr-defined]
            return found

        yield begin


def command(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "switchlib", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def states(found) -> list[tuple[str, str, list[str]]]:
    return [
        (thread.name, thread.native_id == found.pid, [each.state for each in thread.greenlets])
        for thread in found.threads
    ]


def refusal(pid: int) -> str:
    messages = set()
    for hold in (True, False):
        with pytest.raises(IntrospectionError) as caught:
            reader.observe(pid, states, hold=hold)
        messages.add(str(caught.value))
    (message,) = messages
    return message


def test_processes_without_greenlets(start):
    other = subprocess.Popen(["sleep", "100"])
    time.sleep(0.1)
    assert refusal(other.pid).endswith("no greenlets of switchlib: it is not CPython")
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert refusal(other.pid).endswith("has ended, and its parent has not noticed yet")
    other.wait()
    assert refusal(other.pid) == f"there is no process {other.pid}"
    program = start(f"{SAY}import time; time.sleep(1000)")
    assert refusal(program.pid).endswith("it has not imported switchlib")
    program = start(f"import switchlib, time; {SAY}time.sleep(1000)")
    for arguments in (["ps"], ["tree"], ["dump"], ["top", "-n1"]):
        assert command(*arguments, program.pid).returncode == 0
    assert reader.observe(program.pid, states) == []


def test_forked_children(start):
    fork = (  # the child is ready when fork() has returned in it
        "ends = os.pipe()\n"
        "pid = os.fork()\n"
        "if pid: print(pid, os.read(ends[0], 1), flush=True)\n"
        "else: os.write(ends[1], b'x')\n"
        "time.sleep(1000)\n"
    )
    program = start(BEGIN + fork)
    child = int(program.said.split()[0])
    try:
        assert reader.observe(child, states) == [("MainThread", True, ["current", "suspended"])]
    finally:
        os.kill(child, signal.SIGKILL)
    in_thread = fork.replace("\n", "\n    ")
    program = start(
        f"{BEGIN}def run():\n    getcurrent()\n    {in_thread}\n"
        "threading.Thread(target=run, name='forker').start()"
    )
    child = int(program.said.split()[0])
    try:
        read = reader.observe(child, states)
        ended = sorted(read[1][2])
        assert read[0] == ("forker", True, ["current"])
        assert (read[1][0], ended) == ("ended threads", ["dead", "dead"])
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_subinterpreter(start):
    module = {10: "_xxsubinterpreters", 11: "_xxsubinterpreters", 12: "_xxsubinterpreters"}
    name = module.get(sys.version_info[1], "_interpreters")
    run = "exec" if sys.version_info >= (3, 13) else "run_string"
    program = start(
        f"{BEGIN}import {name} as i\ndef run():\n"
        f"    each = i.create()\n    i.{run}(each, 'import time; time.sleep(1000)')\n"
        f"threading.Thread(target=run, daemon=True).start()\n"
        f"time.sleep(0.5)\n{SAY}time.sleep(1000)"
    )
    assert program.said == "ready\n"
    for hold in (True, False):
        read = reader.observe(program.pid, states, hold=hold)
        assert read == [("MainThread", True, ["current", "suspended"])]


def test_one_that_ends_meanwhile(start):
    seen: set[str] = set()
    for delay in range(20):
        program = start(f"{BEGIN}{SAY}time.sleep({delay / 500})")
        with contextlib.suppress(IntrospectionError):  # with any of several messages
            while True:
                read = reader.observe(program.pid, states)
                seen.update(each for thread in read for each in thread[2])
        assert program.wait() == 0
    assert seen <= {"current", "suspended", "dead"}


def test_one_that_becomes_another_program(start):
    program = start(
        f"{BEGIN}import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n{SAY}"
        "signal.sigwait([signal.SIGUSR1])\nos.execv('/bin/sleep', ['sleep', '1000'])"
    )
    with reader.Reader(program.pid) as found:
        assert found.read(states)
        program.send_signal(signal.SIGUSR1)
        name = Path(f"/proc/{program.pid}/comm")
        until = time.monotonic() + 30
        while name.read_text() != "sleep\n" and time.monotonic() < until:
            time.sleep(0.05)
        with pytest.raises(IntrospectionError, match="runs another program now"):
            found.read(states)
        assert not found.is_there()


def test_itself():
    with pytest.raises(IntrospectionError, match="cannot hold itself"):
        reader.observe(os.getpid(), states)


def test_top(start):
    program = start(f"{BEGIN}def compute():\n    while True: pass\n{SAY}greenlet(compute).switch()")
    done = command("top", "-n2", program.pid)
    assert (done.returncode, done.stderr) == (0, "")
    screens = done.stdout.split(f"process {program.pid}: read 50 times, held for ")[1:]
    assert len(screens) == 2
    for screen in screens:
        time_held, _, head, row = screen.splitlines()[:4]
        assert re.fullmatch(r"[\d.]+ ms each time", time_held)
        assert head.split() == ["SEEN", "GREENLET", "NAME", "THREAD", "MOST", "OFTEN", "AT"]
        seen, _, _, thread, at, function = row.split()
        assert int(seen.rstrip("%")) > 20
        assert (thread, at, function) == ("MainThread", "<string>:8", "compute")
    done = command("top", "-n1", "--json", "--nonblocking", program.pid)
    (row,) = json.loads(done.stdout)["greenlets"]
    assert row["at"] == "<string>:8 compute"
    assert row["seen"] > 0.2


def test_top_ends_with_the_process(start):
    program = start(f"{BEGIN}{SAY}time.sleep(1)")
    done = command("top", program.pid)
    assert done.returncode == 0
    assert done.stdout.endswith(f"process {program.pid} has ended, or runs another program now\n")


@pytest.mark.parametrize("arguments", [["-n", "-1"], ["--interval", "-1"], ["--interval", "nan"]])
def test_arguments_of_top(arguments):
    done = command("top", os.getpid(), *arguments)
    assert done.returncode == 2
    assert "invalid" in done.stderr


def test_what_is_printed(target):
    """The text of the commands, compared with what the program knows."""
    program = target("plain.py", "sleep")
    known = {each["id"]: each for each in json.loads(program.said)}
    lines = command("ps", program.pid).stdout.splitlines()
    assert lines[0].startswith(f"process {program.pid}, CPython {sys.version.split()[0]}: ")
    assert lines[2].split()[:4] == ["THREAD", "GREENLET", "NAME", "STATE"]
    rows = [re.split(r"  +", line) for line in lines[3 : 3 + len(known)]]
    assert {int(row[1], 16) for row in rows} == set(known)
    for row in rows:
        each = known[int(row[1], 16)]
        parent = known.get(each["parent"])
        is_of_main = parent is not None and parent["parent"] is None
        assert row[0] == each["thread"]
        assert row[3] == each["state"]
        assert row[4] == ("-" if parent is None else "main" if is_of_main else hex(parent["id"]))
        if each["frames"]:
            path, line, function = each["frames"][-1]
            assert row[5] == str(len(each["frames"]))
            assert row[8].startswith(f"{os.path.basename(path)}:{line} ")
            assert row[8].endswith(function)
        else:
            assert row[5] == "0"
    text = command("dump", program.pid).stdout
    for part in text.split("  greenlet ")[1:]:
        address = int(re.search("0x[0-9a-f]+", part)[0], 16)
        frames = re.findall(r'File "(.*)", line (\d+), in (.*)', part)
        read = [[path, int(line), name.rpartition(".")[2]] for path, line, name in frames]
        assert read == known[address]["frames"]
    text = command("tree", program.pid).stdout
    depths: dict[int, int] = {}
    for line in text.splitlines()[2:]:
        found = re.search("0x[0-9a-f]+", line)
        if found:
            address = int(found[0], 16)
            depths[address] = len(re.match("[│├└─ ]*", line)[0]) // 3
            parent = known[address]["parent"]
            assert depths[address] == (0 if parent is None else depths[parent] + 1)
    assert set(depths) == set(known)
