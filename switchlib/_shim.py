"""The contents of the shim's module `greenlet._greenlet`:
all names that greenlet's extension module has.

Most of them are switchlib's own. The rest are settings that do nothing here, and counters for
tests. Importing this module gives classes and functions greenlet's names: people look for these in
profiles, and exceptions are pickled by them. Before that, `greenlet` may be another package, or
missing, so they have switchlib's names.
"""

from __future__ import annotations

import sys

from switchlib import GreenletExit, error, greenlet
from switchlib._mechanism import (
    c_api,
    count_doomed,
    count_main_greenlets,
    getcurrent,
    gettrace,
    set_thread_local,
    settrace,
    store_module,
    trash_nesting,
)

CLOCKS_PER_SEC = 1_000_000  # as POSIX has it
GREENLET_USE_CONTEXT_VARS = True
GREENLET_USE_GC = True
GREENLET_USE_STANDARD_THREADING = True
GREENLET_USE_TRACING = True

_C_API = c_api()

_cleanup_clocks: int | None = 0


def enable_optional_cleanup(enabled: object, /) -> None:
    """Stores the setting, which has no effect: a thread's greenlets are freed when it ends,
    without a search.
    """
    global _cleanup_clocks
    if not enabled:
        _cleanup_clocks = None
    elif _cleanup_clocks is None:
        _cleanup_clocks = 0


def get_clocks_used_doing_optional_cleanup() -> int | None:
    """0, since there is nothing to clean up; None while it is disabled."""
    return _cleanup_clocks


def get_pending_cleanup_count() -> int:
    """How many greenlets wait to be killed by their own thread."""
    return count_doomed()


def get_total_main_greenlets() -> int:
    """How many main greenlets there are."""
    return count_main_greenlets()


__all__ = [
    "CLOCKS_PER_SEC",
    "GREENLET_USE_CONTEXT_VARS",
    "GREENLET_USE_GC",
    "GREENLET_USE_STANDARD_THREADING",
    "GREENLET_USE_TRACING",
    "_C_API",
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

if sys.version_info < (3, 13):

    def get_tstate_trash_delete_nesting() -> int:
        """How deep the trash can of deallocations is nested. For greenlet's tests only."""
        return trash_nesting()

    __all__ += ["get_tstate_trash_delete_nesting"]

store_module("greenlet")
error.__module__ = GreenletExit.__module__ = "greenlet"
for _value in [globals()[_name] for _name in __all__]:
    if callable(_value) and not isinstance(_value, type):
        _value.__module__ = "greenlet._greenlet"
