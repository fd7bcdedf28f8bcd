from __future__ import annotations

import sys

import pytest


@pytest.fixture
def unraisable(monkeypatch) -> list[type[BaseException]]:
    """What was raised where nobody could catch it."""
    found: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: found.append(event.exc_type))
    return found
