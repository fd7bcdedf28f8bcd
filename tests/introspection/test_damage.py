"""Damaged memory and core files: a clear error or a marked result, in bounded time and memory."""

from __future__ import annotations

import random
import sys

import pytest

from switchlib.introspection.errors import IntrospectionError
from switchlib.introspection.objects import Objects
from switchlib.introspection.reader import read_core
from tests.introspection.conftest import core_of
from tests.introspection.damage import Damage, read_all

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("its greenlets lie elsewhere"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]


def test_memory(target):
    """`python -m tests.commands.damage` does it 10,000 times."""
    damage = Damage(target("plain.py", "sleep").pid, seed=1)
    for _ in range(300):
        damage.once()
        damage.table_once()
    assert damage.counted["marked"] > 30
    assert damage.counted["table refused"] > 100
    assert damage.counted["table read"] > 10


def test_a_module_name_that_is_of_the_type_itself(target):
    """Reading it began to read the type, and so on without an end."""
    copy = Damage(target("plain.py", "sleep").pid, seed=1)
    memory, table = copy.memory, copy.table
    kind = read_all(memory, table).greenlets[0].type_address
    names = Objects(memory, table).dict_by_text(memory.pointer(kind + table["type.tp_dict"]))
    at = names["__module__"] + table["object.ob_type"]
    block = memory.block(at)
    block.data[at - block.start : at - block.start + 8] = kind.to_bytes(8, "little")
    found = Objects(memory, table).class_at(kind)
    assert (found.name, found.module) == ("greenlet", "")


def test_core_files(target, tmp_path):
    path = core_of(target("plain.py", "sleep"), tmp_path)

    def count(found) -> int:
        read_all(found.memory, found.table)
        return len(found.greenlets)

    known = read_core(str(path), count)
    whole = path.read_bytes()
    numbers = random.Random(1)
    for size in (0, 1, 3, 15, 63, 64, 200, 4096, 100_000, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(IntrospectionError, match=r"empty|ELF|damaged|cut off|headers"):
            read_core(str(path), count)
    path.write_bytes(whole)
    refused = read = 0
    with open(path, "r+b") as file:
        for _ in range(200):
            at = [numbers.randrange(numbers.choice((64, 2000, 30_000))) for _ in range(3)]
            for each in at:
                file.seek(each)
                file.write(bytes([whole[each] ^ 1 << numbers.randrange(8)]))
            file.flush()
            try:
                assert read_core(str(path), count) <= known
                read += 1
            except IntrospectionError:
                refused += 1
            for each in at:
                file.seek(each)
                file.write(whole[each : each + 1])
            file.flush()
    assert read_core(str(path), count) == known
    assert read > 20
    assert refused > 20
