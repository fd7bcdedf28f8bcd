"""The page about stuck services shows what the commands print."""

from __future__ import annotations

import sys

import pytest

from tests.docs import screens

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("its greenlets lie elsewhere"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="3.10 has no qualified names in frames"),
]


def test_the_page_is_true():
    pytest.importorskip("gevent", reason="gevent is not installed")
    there = screens.PAGE.read_text()
    assert len(screens.SCREEN.findall(there)) >= 6
    assert screens.constant(screens.page()) == screens.constant(there)
