"""The lists of all greenlets, read as another process reads them:
from memory, by the table of offsets.
"""

from __future__ import annotations

import gc
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from switchlib import _mechanism, getcurrent, greenlet

pytestmark = [
    pytest.mark.cpython("it has no memory to read"),
    pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="it reads /proc"),
]

COOKIE = b"switchlib-table\0"
POINTER = struct.calcsize("P")


def read(address: int, size: int) -> bytes:
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)


def pointer(address: int) -> int:
    return int.from_bytes(read(address, POINTER), sys.byteorder)


def find_table() -> dict[str, int]:
    """The table's entries, searched for in the module's writable memory."""
    from switchlib import _switch

    for line in Path("/proc/self/maps").read_text().splitlines():
        where, flags, *_, path = line.split(maxsplit=5)
        if "w" not in flags or path != _switch.__file__:
            continue
        begin, end = (int(word, 16) for word in where.split("-"))
        memory = read(begin, end - begin)
        at = memory.find(COOKIE)
        if at >= 0:
            assert at % 16 == 0
            version, pointer_size, size, count = struct.unpack_from("=4I", memory, at + 16)
            assert (version, pointer_size) == (1, POINTER)
            entries = (
                struct.unpack_from("=40sQ", memory, at + 32 + i * size) for i in range(count)
            )
            return {name.rstrip(b"\0").decode(): value for name, value in entries}
    raise AssertionError("there is no table")


class Reader:
    """Finds greenlets by their addresses alone."""

    def __init__(self) -> None:
        self.table = find_table()

    def field(self, address: int, name: str) -> int:
        return pointer(address + self.table[name])

    def threads(self) -> Iterator[int]:
        buckets = self.table["threads.buckets"]
        for i in range(self.table["threads.bucket_count"]):
            thread = pointer(buckets + i * POINTER)
            while thread:
                yield thread
                thread = self.field(thread, "thread.next")

    def thread(self, ident: int) -> int:
        """That of this native id."""
        (found,) = (
            each for each in self.threads() if self.field(each, "thread.native_id") == ident
        )
        return found

    def listed(self, first: int) -> list[int]:
        """A list of greenlets, the oldest first."""
        found = []
        while first:
            found.append(first)
            first = self.field(self.field(first, "greenlet.state"), "state.next_listed")
        assert len(found) == len(set(found))
        return found[::-1]

    def of_thread(self, ident: int) -> list[int]:
        return self.listed(self.field(self.thread(ident), "thread.listed"))

    def of_ended_threads(self) -> list[int]:
        return self.listed(pointer(self.table["threads.ended"]))

    def frame(self, g: int) -> int:
        """The address of a suspended greenlet's innermost frame."""
        state = self.field(g, "greenlet.state")
        return self.field(state + self.table["state.tstate"], "slice.frame")


@pytest.fixture(name="reader")
def make_reader() -> Reader:
    gc.collect()
    return Reader()


def here() -> int:
    return threading.get_native_id()


def test_each_name_is_there_once_and_fits():
    table = find_table()
    assert table["python.version"] >> 16 == sys.hexversion >> 16
    assert table["types.greenlet"] == id(greenlet)
    assert table["objects.none"] == id(None)
    assert all(len(name) < 40 for name in table)
    assert table["greenlet.size"] == greenlet.__basicsize__


def test_greenlets_are_listed_until_they_are_freed(reader):
    def suspend() -> None:
        main.switch()

    def are_listed() -> list[bool]:
        listed = reader.of_thread(here())
        return [listed.count(address) == 1 for address in addresses]

    class Derived(greenlet):
        pass

    main = getcurrent()
    new = [main, greenlet(suspend), Derived(suspend), greenlet.__new__(greenlet), greenlet(int)]
    addresses = [*map(id, new)]
    assert reader.of_thread(here())[-4:] == addresses[1:]
    new[1].switch()
    new[4].switch()
    assert are_listed() == [True] * 5
    del new[2], new[3]
    assert are_listed() == [True, True, False, True, False]
    new.clear()
    assert are_listed() == [True] + [False] * 4


def test_what_the_state_says(reader):
    def suspend() -> None:
        main.switch()

    main = getcurrent()
    g = greenlet(suspend)
    state = reader.field(id(g), "greenlet.state")
    assert reader.field(state, "state.thread") == 0
    assert reader.field(state, "state.run") == id(suspend)
    assert reader.field(state, "state.parent") == id(main)
    g.switch()
    thread = reader.thread(here())
    assert reader.field(state, "state.thread") == thread
    assert reader.field(thread, "thread.current") == reader.field(thread, "thread.main") == id(main)
    assert reader.field(thread, "thread.target") == 0
    _, start, stop, *_ = _mechanism.slice_of(g)
    assert reader.field(state, "state.slice.start") == start
    assert reader.field(state, "state.slice.stop") == stop
    frame = reader.frame(id(g))
    if sys.version_info < (3, 11):
        assert frame == id(g.gr_frame)
        assert reader.field(frame, "frame_object.f_code") == id(suspend.__code__)
    else:
        assert reader.field(frame, "frame.code") & ~7 == id(suspend.__code__)
    assert reader.field(id(suspend.__code__), "code.co_name") == id(suspend.__code__.co_name)
    g.switch()
    assert reader.field(state, "state.slice.start") == 0


def test_a_greenlet_moves_to_the_thread_that_starts_it(reader):
    made: list[greenlet] = []
    ready, done = threading.Event(), threading.Event()

    def work() -> None:
        made.append(greenlet(lambda: getcurrent().parent.switch()))
        ready.set()
        done.wait(10)

    other = threading.Thread(target=work)
    other.start()
    assert ready.wait(10)
    (g,) = made
    assert id(g) in reader.of_thread(other.native_id)
    assert id(g) not in reader.of_thread(here())
    g.parent = getcurrent()
    g.switch()
    assert id(g) not in reader.of_thread(other.native_id)
    assert reader.of_thread(here())[-1] == id(g)
    done.set()
    other.join()
    assert id(g) not in reader.of_ended_threads()
    g.switch()


def test_greenlets_of_an_ended_thread_are_in_one_list(reader):
    kept: list[greenlet] = []

    def work() -> None:
        new = [greenlet(int) for _ in range(3)]  # what is suspended then would leak
        new[0].switch()
        kept.extend([*new, getcurrent()])

    before = reader.of_ended_threads()
    for count in (4, 8):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        found = reader.of_ended_threads()
        assert sorted(found) == sorted([*before, *map(id, kept)])
        assert len(found) == len(before) + count
    del kept[1], kept[4]
    assert sorted(reader.of_ended_threads()) == sorted([*before, *map(id, kept)])
    kept.clear()
    assert reader.of_ended_threads() == before


@pytest.mark.once
@pytest.mark.skipif(shutil.which("readelf") is None, reason="it needs readelf, of binutils")
def test_the_table_is_in_memory_that_core_files_have():
    """The kernel leaves memory of a file out that was not written to, so the table must have been
    written to; and it is in a section of its own.
    """
    from switchlib import _switch

    sections = subprocess.run(
        ["readelf", "-SW", _switch.__file__], check=True, capture_output=True, text=True
    ).stdout
    (line,) = (each for each in sections.splitlines() if " .switchlib " in each)
    assert " WA " in line
