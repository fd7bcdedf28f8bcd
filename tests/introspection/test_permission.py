"""Who may read a process, and what the error says otherwise."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

import switchlib
from switchlib.introspection import permission, reader
from switchlib.introspection.errors import IntrospectionError
from switchlib.introspection.hold import Hold

pytestmark = [pytest.mark.once, pytest.mark.cpython("its greenlets lie elsewhere")]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

NOBODY, ANOTHER = 65534, 54321
SUSPENDED = """
from switchlib import getcurrent, greenlet
each = greenlet(lambda: getcurrent().parent.switch())
each.switch()
"""


def read_as(user: int, pid: int) -> str:
    """What a user other than root gets: an error, or how many greenlets there are."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            try:
                answer = str(reader.observe(pid, lambda found: len(found.greenlets)))
            except IntrospectionError as error:
                answer = str(error)
            os.write(theirs, answer.encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


@pytest.fixture
def of_nobody():
    """Starts a program of the user nobody."""
    started = []

    def start(then: str) -> subprocess.Popen:
        code = f"{SUSPENDED}import os, ctypes, time\nos.setgid({NOBODY}); os.setuid({NOBODY})\n"
        program = subprocess.Popen(
            [sys.executable, "-c", f"{code}{then}\nprint(1, flush=True)\ntime.sleep(1000)"],
            stdout=subprocess.PIPE,
        )
        started.append(program)
        program.stdout.readline()
        return program

    yield start
    for each in started:
        each.kill()
        each.wait()
        each.stdout.close()


@linux
@root
def test_other_users(of_nobody):
    program = of_nobody("")
    assert "it has changed its user" in read_as(NOBODY, program.pid)
    assert "belongs to user 65534, and this one is 54321. Use sudo." in read_as(
        ANOTHER, program.pid
    )
    assert reader.observe(program.pid, lambda found: len(found.greenlets)) == 2  # root may
    program = of_nobody("ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)")  # PR_SET_DUMPABLE
    if not Path(permission.PTRACE_SCOPE).exists():
        assert read_as(NOBODY, program.pid) == "2"


@linux
@root
@pytest.mark.skipif(not Path(permission.PTRACE_SCOPE).exists(), reason="there is no Yama")
def test_allow_readers_under_yama(of_nobody):
    dumpable = "ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)\n"
    program = of_nobody(dumpable)
    assert "SWITCHLIB_ALLOW_READERS=1" in read_as(NOBODY, program.pid)
    program = of_nobody(f"{dumpable}import switchlib; switchlib.allow_readers()")
    assert read_as(NOBODY, program.pid) == "2"


@linux
@root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_root_without_the_capability(of_nobody):
    program = of_nobody("")
    done = subprocess.run(
        [
            *("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"),
            *(sys.executable, "-m", "switchlib", "ps", str(program.pid)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "root lacks the capability CAP_SYS_PTRACE" in done.stderr


@linux
def test_one_that_is_traced(target):
    program = target("plain.py", "sleep")
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        with Hold(program.pid):
            os.write(theirs, b"1")
            signal_never_comes = os.pipe()
            os.read(signal_never_comes[0], 1)
    os.read(ours, 1)
    try:
        with pytest.raises(
            IntrospectionError, match=f"process {child}, such as .*, already traces it"
        ):
            reader.observe(program.pid, lambda found: None)
        assert reader.observe(program.pid, lambda found: len(found.greenlets), hold=False) >= 16
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert reader.observe(program.pid, lambda found: len(found.greenlets)) >= 16


@linux
@pytest.mark.parametrize(
    ("scope", "advice"),
    [
        ("1", "start it with SWITCHLIB_ALLOW_READERS=1"),
        ("2", "only root may. Use sudo"),
        ("3", "until the machine is rebooted"),
    ],
)
def test_yama(monkeypatch, tmp_path, scope, advice):
    path = tmp_path / "ptrace_scope"
    path.write_text(scope + "\n")
    monkeypatch.setattr(permission, "PTRACE_SCOPE", str(path))
    monkeypatch.setattr(os, "geteuid", os.getuid if os.getuid() else lambda: NOBODY)
    monkeypatch.setattr(permission, "status", lambda pid, name: {"TracerPid": "0"}.get(name))
    message = str(permission.error(os.getpid()))
    assert f"{path} is {scope}" in message
    assert advice in message


@linux
def test_containers(monkeypatch):
    spaces = iter(["user:[1]", "user:[2]"])
    monkeypatch.setattr(os, "readlink", lambda path: next(spaces))
    message = str(permission.error(os.getpid()))
    assert "another container or user namespace. Run this command in there" in message


class FakeLibrary:
    """A C library with a prctl that fails in a given way."""

    calls: ClassVar[list] = []
    number = 0

    def __init__(self, *_: object, **__: object) -> None:
        self.prctl = self._Prctl()

    class _Prctl:
        def __call__(self, *arguments: int) -> int:
            FakeLibrary.calls.append(arguments)
            ctypes.set_errno(FakeLibrary.number)
            return -1 if FakeLibrary.number else 0


@linux
def test_what_allow_readers_asks_for(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", FakeLibrary)
    monkeypatch.setattr(FakeLibrary, "calls", [])
    switchlib.allow_readers()
    switchlib.allow_readers(False)
    assert FakeLibrary.calls == [(0x59616D61, 2**64 - 1, 0, 0, 0), (0x59616D61, 0, 0, 0, 0)]
    monkeypatch.setattr(FakeLibrary, "number", errno.EINVAL)  # without Yama
    switchlib.allow_readers()
    monkeypatch.setattr(FakeLibrary, "number", errno.EPERM)
    with pytest.raises(PermissionError):
        switchlib.allow_readers()


@linux
@pytest.mark.parametrize(("value", "calls"), [("1", 1), ("0", 0), ("", 0)])
def test_the_variable(value, calls):
    code = (
        "import ctypes\n"
        "calls = []\n"
        "class Fake:\n"
        "    def __init__(self, *_, **__): self.prctl = type('Prctl', (), {\n"
        "        '__call__': lambda self, *asked: calls.append(hex(asked[0])) or 0})()\n"
        "ctypes.CDLL = Fake\n"
        "import switchlib; switchlib.getcurrent()\n"
        "print(calls)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SWITCHLIB_ALLOW_READERS": value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{['0x59616d61'] * calls}\n"
