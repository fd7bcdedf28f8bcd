"""What programs and greenlet's own tests import from greenlet's extension module."""

from __future__ import annotations

import sys
import time
from typing import Any

from switchlib import GreenletExit, _mechanism, error, getcurrent, gettrace, greenlet, settrace
from switchlib._mechanism import set_thread_local

__all__ = [
    "CLOCKS_PER_SEC",
    "GREENLET_USE_CONTEXT_VARS",
    "GREENLET_USE_GC",
    "GREENLET_USE_STANDARD_THREADING",
    "GREENLET_USE_TRACING",
    "GreenletExit",
    "enable_optional_cleanup",
    "error",
    "get_clocks_used_doing_optional_cleanup",
    "get_pending_cleanup_count",
    "get_total_main_greenlets",
    "getcurrent",
    "gettrace",
    "greenlet",
    "set_thread_local",
    "settrace",
]

GREENLET_USE_CONTEXT_VARS = True
GREENLET_USE_GC = True
GREENLET_USE_STANDARD_THREADING = True
GREENLET_USE_TRACING = True

CLOCKS_PER_SEC = round(1 / time.get_clock_info("process_time").resolution) if sys.platform == "win32" else 1_000_000

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

    __all__ += ["get_tstate_trash_delete_nesting"]
