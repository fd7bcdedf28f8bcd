"""What is read of waits is what programs on gevent and eventlet know of themselves."""

from __future__ import annotations

import dis
import json
import subprocess
import sys

import pytest

from switchlib.introspection import process, reader
from switchlib.introspection.waits import deadlocks, holders, sockets
from switchlib.introspection.waits.wait import Wait, seconds

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("its greenlets lie elsewhere"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

SLOWEST = 30  # seconds between the beginning of a wait and its reading


def described(found: process.Process) -> dict:
    """What greenlets wait for, in the form in which the programs describe themselves; and the
    seconds that are left.
    """
    return {
        each.address: (
            [
                {
                    "kind": wait.kind,
                    "id": wait.address or None,
                    "detail": wait.detail or None,
                    "holder": wait.holder or None,
                }
                for wait in each.waits
                if wait.certain
            ],
            [wait.left for wait in each.waits],
        )
        for each in found.greenlets
    }


def compare(known: str, read: dict) -> None:
    expected = json.loads(known)
    assert len(expected) >= 16
    for each in expected:
        waits, lefts = read[each["id"]]
        by_id = sorted(waits, key=lambda wait: wait["id"] or 0)
        assert by_id == sorted(each["waits"], key=lambda wait: wait["id"] or 0)
        for left in lefts:
            if each["left"] is None:
                assert left is None, each
            else:
                assert each["left"] - SLOWEST < left <= each["left"], each


@pytest.mark.parametrize("hold", [True, False], ids=["held", "nonblocking"])
@pytest.mark.parametrize("patched", [False, True], ids=["", "patched"])
def test_gevent(target, patched, hold):
    pytest.importorskip("gevent", reason="gevent is not installed")
    program = target("on_gevent.py", *["patched"] * patched, by_run=True)
    compare(program.said, reader.observe(program.pid, described, hold=hold))


@pytest.mark.parametrize("loop", ["libev-cffi", "libuv-cffi"])
def test_other_loops_of_gevent(target, loop, monkeypatch):
    pytest.importorskip("gevent", reason="gevent is not installed")
    monkeypatch.setenv("GEVENT_LOOP", loop)
    program = target("on_gevent.py", by_run=True)
    compare(program.said, reader.observe(program.pid, described))


def test_gevent_that_is_not_compiled(target, monkeypatch):
    pytest.importorskip("gevent", reason="gevent is not installed")
    monkeypatch.setenv("PURE_PYTHON", "1")
    program = target("on_gevent.py", by_run=True)
    compare(program.said, reader.observe(program.pid, described))


def test_eventlet(target):
    pytest.importorskip("eventlet", reason="eventlet is not installed")
    program = target("on_eventlet.py", by_run=True)
    compare(program.said, reader.observe(program.pid, described))


def test_deadlocks(target):
    pytest.importorskip("gevent", reason="gevent is not installed")
    program = target("deadlocks.py", by_run=True)

    def read(found: process.Process) -> list:
        return [
            ({each.address for each in lock.members}, lock.certain, lock.left, lock.behind)
            for lock in deadlocks.find(found)
        ]

    found = reader.observe(program.pid, read)
    certain, perhaps = json.loads(program.said)
    expected = [(set(each), True, None, 0) for each in certain[:2]]
    expected.append((set(certain[2]), True, None, 2))
    expected += [(set(each), False, None, 0) for each in perhaps]
    assert len(found) == len(expected) == 4
    for each in expected:
        assert each in found
    for command in ("ps", "tree", "dump"):
        text = run(command, str(program.pid))
        assert text.count("\nDeadlock of 2 greenlets") == 2
        assert text.count("\nDeadlock of 3 greenlets:") == 1
        assert text.count("\nPerhaps a deadlock of 2 greenlets:") == 1
        assert text.count("; 2 more wait for them:") == 1
        shown = json.loads(run(command, "--json", str(program.pid)))
        assert len(shown["deadlocks"]) == 4


def test_many_at_one_lock(target):
    pytest.importorskip("gevent", reason="gevent is not installed")

    def calls(count: int) -> int:
        """How many functions are called to find what so many greenlets wait for."""
        program = target("one_lock.py", str(count), by_run=True)
        called = 0

        def note(_frame: object, event: str, _argument: object) -> None:
            nonlocal called
            called += event in ("call", "c_call")

        def waits(found: process.Process) -> list[Wait]:
            sys.setprofile(note)
            try:
                return [wait for each in found.greenlets for wait in each.waits]
            finally:
                sys.setprofile(None)

        found = reader.observe(program.pid, waits)
        assert [each.address for each in found] == [int(program.said)] * count
        return called

    assert calls(1_000) < 2.5 * calls(500)


def test_what_was_rehearsed_stands(target):
    pytest.importorskip("gevent", reason="gevent is not installed")
    program = target("on_gevent.py", by_run=True)
    rehearsed: list[process.Process] = []

    def read(found: process.Process) -> tuple[dict, object]:
        rehearsed.append(found)
        return described(found), found.held

    read_at_once = reader.observe(program.pid, described)
    again, held = reader.observe(program.pid, read, copy_limit=0)
    assert len(rehearsed) == 2
    assert rehearsed[0] is rehearsed[1]
    assert held is not None
    compare(program.said, again)
    for address, (waits, lefts) in read_at_once.items():
        assert again[address][0] == waits
        for before, after in zip(lefts, again[address][1]):
            assert (before is None) == (after is None)
            assert before is None or after < before


def test_a_child(target):
    program = target("waits_for_child.py")
    parent, child = json.loads(program.said)
    waits = reader.observe(
        program.pid,
        lambda found: {each.address: each.waits for each in found.greenlets if each.waits},
    )
    kind = "switch or end of greenlet"
    assert waits == {parent: [Wait(kind, child, holder=child, certain=False)]}
    assert f"waits for {kind} {child:#x} (perhaps)" in run("tree", str(program.pid))


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "switchlib", *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.skipif(sys.version_info < (3, 11), reason="3.10 has no exception tables")
def test_exception_tables():
    def several(lock):
        for _ in [1]:
            with lock:
                try:
                    print([i for i in lock if i])
                finally:
                    print()

    code = several.__code__
    entries = [(each.start, each.end, each.depth) for each in dis.Bytecode(code).exception_entries]
    assert len(entries) > 3
    assert holders.decode(code.co_exceptiontable) == entries
    for damaged in (b"\x40", b"\xff" * 9, bytes(range(64))):
        assert len(holders.decode(damaged)) <= len(damaged)


@pytest.mark.skipif(sys.byteorder != "little", reason="the texts are those of such a machine")
@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F:0050", "127.0.0.1:80"),
        ("00000000000000000000000001000000:1F90", "[::1]:8080"),
        ("00000000:0000", "0.0.0.0:0"),
    ],
)
def test_addresses(text, address):
    assert sockets.address(text) == address


@pytest.mark.parametrize(
    ("number", "text"),
    [(-1.0, "0.0 s"), (2.55, "2.5 s"), (600, "10 min"), (7200, "2 h"), (1e6, "12 days")],
)
def test_times(number, text):
    assert seconds(number) == text
