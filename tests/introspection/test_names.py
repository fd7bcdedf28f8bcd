"""Greenlets are called as programs and libraries call them."""

from __future__ import annotations

import json
import sys

import pytest

from switchlib.introspection import reader
from switchlib.introspection.names import label, short_class

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("its greenlets lie elsewhere"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]


@pytest.mark.parametrize("library", ["switchlib", "gevent", "eventlet"])
def test_names(target, library):
    if library != "switchlib":
        pytest.importorskip(library, reason=f"{library} is not installed")
    program = target("named.py", library, by_run=True)
    read = reader.observe(
        program.pid,
        lambda found: {
            each.address: [label(each), each.run.name if each.run else None]
            for each in found.greenlets
        },
    )
    expected = json.loads(program.said)
    assert len(expected) >= 3
    for address, known in expected:
        assert read[address] == known


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("__main__.Worker", "Worker"),
        ("gevent._gevent_cgreenlet.Greenlet", "gevent.Greenlet"),
        ("eventlet.greenthread.GreenThread", "eventlet.greenthread.GreenThread"),
        ("sqlalchemy.util._x.make.<locals>._AsyncIoGreenlet", "sqlalchemy._AsyncIoGreenlet"),
        ("plain", "plain"),
    ],
)
def test_short_classes(name, short):
    assert short_class(name) == short
