"""Arenas in huge pages (csrc/memory/arena.c), in which many greenlets lie."""

import sys

import pytest

pytestmark = [
    pytest.mark.cpython("its memory is its own affair"),
    pytest.mark.native("an emulator has huge pages and limits of its own"),
    pytest.mark.once,
    pytest.mark.skipif(
        sys.platform != "linux" or sys.maxsize < 2**32, reason="huge pages are used on 64-bit Linux"
    ),
    pytest.mark.skipif(
        sys.version_info < (3, 11),
        reason="the arenas of 3.10 have 256 KiB, and are left as they are",
    ),
    pytest.mark.skipif(
        sys.version_info >= (3, 15),
        reason="its own arenas want huge pages, too: who could tell them?",
    ),
]

MANY = """
import itertools, re, resource, sys
from pathlib import Path
from switchlib import getcurrent, greenlet

def resident():
    "MiB of memory, of memory for which huge pages are wanted, and of the addresses of that."
    mappings = Path("/proc/self/smaps").read_text().split("VmFlags:")
    rss, size = (
        [int(re.search(rf"^{what}: +(\\d+)", each, re.MULTILINE)[1]) / 1024
         for each in mappings[:-1]]
        for what in ("Rss", "Size")
    )
    wanted = [" hg" in flags.partition("\\n")[0] for flags in mappings[1:]]
    return sum(rss), sum(itertools.compress(rss, wanted)), sum(itertools.compress(size, wanted))

def suspend(number):
    main = getcurrent()
    each = [greenlet(lambda value: (main.switch(), value)) for _ in range(number)]
    for value, one in enumerate(each):
        one.switch(value)
    return each

def end(each):
    assert [one.switch() for one in each] == [((), value) for value in range(len(each))]

if "little" in sys.argv:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
few = suspend(1000)
print("few", *resident())
for _ in range(2):
    many = suspend(50_000)
    print("many", *resident())
    end(many)
    del many
    print("after", *resident())
end(few)
many = suspend(50_000)
print("many", *resident())
many = [each for number, each in enumerate(many) if number // 8000 % 2]
print("some", *resident())
"""


def measured(printed: str) -> dict[str, list[float]]:
    lines = [line.split() for line in printed.splitlines()]
    return {what: [float(number) for number in numbers] for what, *numbers in lines}


def test_many_greenlets_lie_in_huge_pages_and_give_them_back(python):
    found = measured(python("-c", MANY, PYTHONMALLOC="pymalloc").stdout)
    assert found["few"][1] == 0
    assert found["many"][1] > 8
    assert found["after"][1] < found["many"][1] / 4
    if sys.version_info < (
        3,
        12,
    ):  # else copies are too large for arenas, and the C library keeps their memory
        assert (
            found["after"][0] < found["few"][0] + 16
        )  # the first ones and what the interpreter keeps


def test_no_huge_page_is_made_of_what_was_given_back(python):
    """The kernel makes them in its own time, and all of such a page is resident."""
    found = measured(python("-c", MANY, PYTHONMALLOC="pymalloc").stdout)
    assert found["some"][0] < found["many"][0] - 4, "something is given back"
    _, resident, addresses = found["some"]
    assert resident > 0.95 * addresses


def test_little_address_space_is_enough(python):
    """It takes no more addresses than memory."""
    found = measured(python("-c", MANY, "little", PYTHONMALLOC="pymalloc").stdout)
    assert found["many"][1] > 8
