"""What greenlet's extension module has beside greenlets: settings that do nothing here, and counters for tests."""

from __future__ import annotations

import sys
from typing import Any

from switchlib import _mechanism

CLOCKS_PER_SEC = 1_000_000  # as POSIX has it

_cleanup_clocks: int | None = 0


def enable_optional_cleanup(enabled: Any, /) -> None:
    """Takes the setting. There is nothing to enable: a thread's greenlets are freed when it ends, without a search."""
    global _cleanup_clocks
    if not enabled:
        _cleanup_clocks = None
    elif _cleanup_clocks is None:
        _cleanup_clocks = 0


def get_clocks_used_doing_optional_cleanup() -> int | None:
    """0, since optional cleanup costs nothing; None while it is disabled."""
    return _cleanup_clocks


def get_pending_cleanup_count() -> int:
    """How many greenlets wait to be killed by the thread they belong to."""
    return _mechanism.count_doomed()


def get_total_main_greenlets() -> int:
    """How many main greenlets there are."""
    return _mechanism.count_main_greenlets()


if sys.version_info < (3, 13):

    def get_tstate_trash_delete_nesting() -> int:
        """How deep the trash can of deallocations is nested. For greenlet's tests only."""
        return _mechanism.trash_nesting()
