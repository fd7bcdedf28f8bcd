"""What greenlets take of memory and addresses, and what goes back to the system: csrc/memory/.

Each program runs in a process of its own, where no memory lies about that others have freed.
"""

from __future__ import annotations

import sys

import pytest

pytestmark = [
    pytest.mark.cpython("its memory is its own affair"),
    pytest.mark.native("an emulator's memory is counted with the program's"),
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc"),
]

PRELUDE = """
import contextvars, functools, gc, itertools, random, sys
from pathlib import Path
from switchlib import getcurrent, greenlet

main = getcurrent()

def pages(which):
    return int(Path("/proc/self/statm").read_text().split()[which])

def addresses():
    return pages(0) * 4096

def resident():
    return pages(1) * 4096

def work(left):
    if left:
        work(left - 1)
    else:
        main.switch()
"""

KINDS = {
    "function": "lambda depth: (greenlet(work), depth)",
    "bound method": "lambda depth: (greenlet(Worker(depth).method),)",
    "subclass": "lambda depth: (Subclass(), depth)",
    "partial": "lambda depth: (greenlet(functools.partial(work, depth)),)",
    "callable object": "lambda depth: (greenlet(Worker(depth)),)",
    "C function": "lambda depth: (greenlet(contextvars.Context().run), work, depth)",
    "type": "lambda depth: (greenlet(type('T', (), {'__init__': lambda self: work(depth)})),)",
}

OF_EACH_KIND = (
    PRELUDE
    + """
class Worker:
    __slots__ = "depth"

    def __init__(self, depth):
        self.depth = depth

    def method(self):
        work(self.depth)

    __call__ = method

class Subclass(greenlet):
    def run(self, depth):
        work(depth)

make = eval(sys.argv[1])
depths = [int(depth) for depth in sys.argv[2].split()]
made = [make(depth) for depth in itertools.islice(itertools.cycle(depths), 3000)]
gc.collect()
before = resident()
for each, *args in made:
    each.switch(*args)
print((resident() - before) / len(made))
for each, *args in made:
    each.switch()
"""
)


@pytest.fixture
def suspended_bytes(python):
    def measure(kind: str, *depths: int) -> float:
        return float(python("-c", OF_EACH_KIND, KINDS[kind], " ".join(map(str, depths))).stdout)

    return measure


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there is no data stack before 3.11")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("function", "type")])
def test_whatever_run_is_a_suspended_greenlet_takes_what_its_calls_do(suspended_bytes, kind):
    """A mapped chunk would be 4096 bytes of memory each.

    Frames in C may lie between, large ones in a debug build.
    """
    assert suspended_bytes(kind, 4) < 1.15 * suspended_bytes("function", 4) + 1000


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there is no data stack before 3.11")
@pytest.mark.parametrize("kind", ["bound method", "subclass", "C function", "type"])
def test_small_and_large_work_of_one_kind_in_turn(suspended_bytes, kind):
    assert suspended_bytes(kind, 0, 20) < 1.5 * suspended_bytes(kind, 20)


PEAK = (
    PRELUDE
    + """
class Deep:
    "Its repr is so many C calls deep, and then switches away."

    def __init__(self, calls):
        self.calls = calls

    def __repr__(self):
        if self.calls:
            return repr(Deep(self.calls - 1))
        main.switch()
        return ""

def descend(left, calls):
    return descend(left - 1, calls) if left else repr(Deep(calls))

def peak():
    each = [greenlet(descend) for _ in range(10_000)]
    for one in each:
        one.switch(chosen.randrange(30), chosen.randrange(12))
    chosen.shuffle(each)
    return each

chosen = random.Random(1)
before = resident()
each = peak()
print((resident() - before) >> 20)
kept = each[::100]
for number, one in enumerate(each):
    if number % 100:
        one.switch()
del each, one
print((resident() - before) >> 20)
while kept:
    kept.pop().switch()
gc.collect()
print((resident() - before) >> 20)
"""
)


def test_after_a_peak_memory_goes_back(python):
    peak, some, none = map(int, python("-c", PEAK).stdout.split())
    assert peak > 60
    # The frames of 3.10 are small objects of its own, which lie where they lie.
    assert some < peak / (2 if sys.version_info >= (3, 11) else 1.5), "one in a hundred lives on"
    assert none < 32


ADDRESSES = (
    PRELUDE
    + """
import resource
if "limited" in sys.argv:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
before, used = addresses(), resident()
each = [greenlet(lambda: main.switch()) for _ in range(60_000)]
for one in each:
    one.switch()
print((addresses() - before) / (resident() - used))
del each, one
gc.collect()
print((addresses() - before) >> 20)
"""
)


@pytest.mark.parametrize("limit", ["", "limited"])
def test_addresses_are_reserved_for_at_most_twice_what_is_used(python, limit):
    """A limit of the address space, a container's monitor and uWSGI's reload-on-as look at them."""
    times, left = python("-c", ADDRESSES, limit).stdout.split()
    assert float(times) < 2.2
    assert int(left) < 64, "MiB: what is not used any more is not reserved either"


POOLS = (
    PRELUDE
    + """
for depth in (0, 3, 7, 15, 40, 100, 300):
    for _ in range(3):
        waiting = []
        for _ in range(400):
            waiting.append(greenlet(work))
            waiting[-1].switch(depth)
        random.Random(depth).shuffle(waiting)
        for half in (waiting[::2], waiting[1::2]):
            for one in half:
                one.switch()
                assert one.dead
print("done")
"""
)


def test_blocks_of_every_size_come_and_go(python):
    assert python("-c", POOLS, PYTHONMALLOC="debug").stdout == "done\n"
