"""The line tables are decoded as Python decodes them."""

from __future__ import annotations

import importlib.util
import sys
import types

import pytest

from switchlib.introspection import lines

pytestmark = [pytest.mark.once, pytest.mark.cpython("its line tables are of another kind")]

MODULES = ["argparse", "typing", "tarfile", "decimal", "asyncio.base_events", "dataclasses"]


def codes(code: types.CodeType):
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from codes(each)


@pytest.mark.parametrize("name", MODULES)
def test_as_co_lines(name):
    spec = importlib.util.find_spec(name)
    code = spec.loader.get_code(name)
    decode = lines.decode_311 if sys.version_info >= (3, 11) else lines.decode_310
    count = 0
    for each in codes(code):
        decoded = decode(each.co_linetable, each.co_firstlineno)
        for start, stop, line in each.co_lines():
            for offset in range(start, stop, 2):
                assert lines.line_at(decoded, offset) == line
                count += 1
    assert count > 10


def test_damage_is_bounded():
    for decode in (lines.decode_310, lines.decode_311):
        for table in (b"", b"\xff", b"\xf0\xff\xff", bytes(range(256))):
            assert len(decode(table, 1)[0]) <= 256
    assert lines.line_at(([], []), 0) is None
    assert lines.line_at(([4], [1]), -2) is None
