"""Pages show what the commands print about stuck services."""

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


@pytest.mark.parametrize("page", screens.PAGES, ids=lambda page: page.stem)
def test_the_page_is_true(page):
    pytest.importorskip("gevent", reason="gevent is not installed")
    there = page.read_text()
    assert len(screens.SCREEN.findall(there)) >= 3
    assert screens.constant(screens.refreshed(page)) == screens.constant(there)
