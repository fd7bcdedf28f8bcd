"""Stacks that a signal handler writes, whatever the process is doing."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import tempfile
import textwrap

import pytest

from switchlib import dump_on_signal, stop_dump_on_signal

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("it cannot write stacks from a signal handler"),
]

WORLD = """
import ctypes, faulthandler, os, resource, signal, sys, threading
import switchlib
from switchlib import getcurrent, greenlet
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def suspend():
    getcurrent().parent.switch()

def suspended_here():
    suspend()

kept = greenlet(suspended_here)
kept.switch()
"""


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WORLD + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=300,
        check=False,
    )


SHOWN = ' in suspend\n  File "<string>", line 11 in suspended_here\n'


@pytest.mark.parametrize("by", ["call", "USR1", "SIGUSR1"])
def test_a_signal(by):
    call = "switchlib.dump_on_signal(signal.SIGUSR1)\n" if by == "call" else ""
    program = call + "def here(): os.kill(os.getpid(), signal.SIGUSR1)\ngreenlet(here).switch()\n"
    done = run(program, **({} if by == "call" else {"SWITCHLIB_DUMP_SIGNAL": by}))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("All greenlets:\n")
    assert SHOWN in done.stderr
    assert ", current, in this thread, parent 0x" in done.stderr
    assert " in here\n" in done.stderr
    assert ", suspended, main\n" in done.stderr
    assert "cannot be read" not in done.stderr


@pytest.mark.parametrize("name", ["NOSUCH", "", "SIG_IGN", "SIGSEGV", "KILL"])
def test_a_bad_signal_in_the_environment_is_a_warning(name):
    done = run("print('alive')", SWITCHLIB_DUMP_SIGNAL=name)
    assert done.stdout == "alive\n"
    assert f"RuntimeWarning: SWITCHLIB_DUMP_SIGNAL={name}: " in done.stderr


def test_what_is_no_signal_to_watch():
    for number in (0, -1, 65, 10**6):
        with pytest.raises(ValueError, match="out of range"):
            dump_on_signal(number)
    with pytest.raises(ValueError, match="use dump_on_fatal_error"):
        dump_on_signal(signal.SIGSEGV)
    with pytest.raises(OSError, match="Invalid argument"):
        dump_on_signal(signal.SIGKILL, file=2)
    with pytest.raises(OSError, match="Bad file descriptor"):
        dump_on_signal(signal.SIGUSR1, file=987)
    with pytest.raises(TypeError):
        dump_on_signal("USR1", file=2)


def test_it_is_undone():
    calls = []
    before = signal.signal(signal.SIGUSR2, lambda *_: calls.append(1))
    try:
        with tempfile.TemporaryFile() as file:
            dump_on_signal(signal.SIGUSR2, file=file)
            os.kill(os.getpid(), signal.SIGUSR2)
            assert file.tell() > 0
            assert calls == []
            assert stop_dump_on_signal(signal.SIGUSR2)
            size = file.tell()
            os.kill(os.getpid(), signal.SIGUSR2)
            assert file.tell() == size
            assert calls == [1]
        assert not stop_dump_on_signal(signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)


FATAL = {
    "read": ("ctypes.string_at(0)", signal.SIGSEGV),
    "abort": ("os.abort()", signal.SIGABRT),
    "sent": ("os.kill(os.getpid(), signal.SIGBUS)", signal.SIGBUS),
    "overflow": ("faulthandler._stack_overflow()", signal.SIGSEGV),
}


@pytest.mark.parametrize("beside", ["alone", "before", "after"])
@pytest.mark.parametrize("error", FATAL)
def test_a_fatal_error(error, beside):
    """In each order of enabling faulthandler also writes what it knows."""
    call, signum = FATAL[error]
    ours, theirs = "switchlib.dump_on_fatal_error()\n", "faulthandler.enable()\n"
    lines = {"alone": ours, "before": ours + theirs, "after": theirs + ours}[beside]
    done = run(f"{lines}def fail(): {call}\ngreenlet(fail).switch()\n")
    assert done.returncode == -signum, done.stderr
    assert done.stderr.count("All greenlets:\n") == 1
    assert SHOWN in done.stderr
    assert " in fail\n" in done.stderr
    assert done.stderr.count("Fatal Python error: ") == (beside != "alone")


@pytest.mark.parametrize("beside", ["alone", "before", "after"])
def test_a_fatal_error_when_it_was_undone(beside):
    ours, theirs = "switchlib.dump_on_fatal_error()\n", "faulthandler.enable()\n"
    lines = {"alone": ours, "before": ours + theirs, "after": theirs + ours}[beside]
    done = run(f"{lines}assert switchlib.stop_dump_on_fatal_error()\nctypes.string_at(0)\n")
    assert done.returncode == -signal.SIGSEGV, done.stderr
    assert "All greenlets:" not in done.stderr
    assert done.stderr.count("Fatal Python error: ") == (beside != "alone")


def test_it_may_be_enabled_again_beside_faulthandler():
    on, off = "switchlib.dump_on_fatal_error()\n", "switchlib.stop_dump_on_fatal_error()\n"
    done = run(f"{on}faulthandler.enable()\n{off}{on}ctypes.string_at(0)\n")
    assert done.returncode == -signal.SIGSEGV, done.stderr
    assert done.stderr.count("All greenlets:\n") == 1
    assert done.stderr.count("Fatal Python error: ") == 1


STORM = """
SIGNALS = {signals}
out = open(sys.argv[1], "w+b") if len(sys.argv) > 1 else open(os.devnull, "wb")
switchlib.dump_on_signal(signal.SIGUSR1, file=out)
stop = False

def rotate(n):
    if n:
        return rotate(n - 1)
    while not stop:
        getcurrent().parent.switch()

def work():
    while not stop:
        gs = [greenlet(rotate) for _ in range(10)]
        for g in gs:
            g.switch(len(gs))
        for _ in range(20):
            for g in gs:
                g.switch()
        del g, gs

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
main = threading.main_thread().ident
targets = [main, *(thread.ident for thread in threads)]
import time
for i in range(SIGNALS):
    signal.pthread_kill(targets[i % len(targets)], signal.SIGUSR1)
    if i % 50 == 0:
        time.sleep(0.0002)
stop = True
for thread in threads:
    thread.join()
assert out.tell() > 0 or out.name == os.devnull
print("whole")
"""


@pytest.mark.parametrize("signals", [10_000])
def test_signals_while_several_threads_switch(signals):
    done = run(STORM.format(signals=signals))
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr[-3000:]


# Like the filters of containers: process_vm_readv fails with EPERM.
FORBID = """
import platform, struct
number = {"x86_64": 310, "aarch64": 270}[platform.machine()]
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, 0x50001), (6, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(code)))
prctl = ctypes.CDLL(None).prctl
prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
assert prctl(38, 1, 0, 0, 0) == 0
assert prctl(22, 2, ctypes.addressof(program), 0, 0) == 0
"""
ADDRESS_OF_STATE = "ctypes.c_size_t.from_address(id(kept) + 4 * ctypes.sizeof(ctypes.c_void_p))"


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"),
    reason="the system call's number is not known here",
)
@pytest.mark.parametrize("filtered", [False, True], ids=["all allowed", "filtered"])
def test_memory_that_cannot_be_read(filtered):
    done = run(
        (FORBID if filtered else "")
        + "switchlib.dump_on_signal(signal.SIGUSR1)\n"
        + "os.kill(os.getpid(), signal.SIGUSR1)\n"
        + f"{ADDRESS_OF_STATE}.value = 16\n"
        + "os.kill(os.getpid(), signal.SIGUSR1)\n"
        + "os._exit(0)\n"
    )
    assert done.returncode == 0, done.stderr
    whole, _, damaged = done.stderr[len("All") :].partition("All greenlets:")
    assert SHOWN in whole
    assert "cannot be read" not in whole
    assert "(a greenlet that cannot be read)" in damaged


def test_names_are_escaped():
    done = run(
        r"""
        namespace = {"suspend": suspend}
        exec(compile("def f\u00e9\u0416():\n suspend()", "d\"ir/\U0001f600.py", "exec"), namespace)
        g = greenlet(namespace["f\u00e9\u0416"])
        g.switch()
        switchlib.dump_on_signal(signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        """
    )
    assert 'File "d"ir/\\U0001f600.py", line 2 in f\\xe9\\u0416\n' in done.stderr


def test_many_greenlets_and_deep_ones_are_cut_short():
    done = run(
        """
        def deep(n):
            deep(n - 1) if n else suspend()
        g = greenlet(deep)
        g.switch(300)
        gs = [greenlet(int) for _ in range(10_000)]
        switchlib.dump_on_signal(signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        del gs
        os.kill(os.getpid(), signal.SIGUSR1)
        """
    )
    many, _, deep = done.stderr[len("All") :].partition("All greenlets:")
    assert "Not all are shown: there are too many.\n" in many
    assert many.count(", unstarted") <= 10_000
    assert "Not all" not in deep
    assert deep.count(" in deep\n") == 99
    assert "\n  ...\n" in deep
