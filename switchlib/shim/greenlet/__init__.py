"""The package `greenlet`, as switchlib gives it to programs that import that name."""

from switchlib import GreenletExit, error, getcurrent, gettrace, greenlet, settrace

from ._greenlet import (
    CLOCKS_PER_SEC,
    GREENLET_USE_CONTEXT_VARS,
    GREENLET_USE_GC,
    GREENLET_USE_STANDARD_THREADING,
    GREENLET_USE_TRACING,
    enable_optional_cleanup,
    get_clocks_used_doing_optional_cleanup,
)

__version__ = "3.5.6"  # the release whose interface and semantics this is

__all__ = [
    "CLOCKS_PER_SEC",
    "GREENLET_USE_CONTEXT_VARS",
    "GREENLET_USE_GC",
    "GREENLET_USE_STANDARD_THREADING",
    "GREENLET_USE_TRACING",
    "GreenletExit",
    "__version__",
    "enable_optional_cleanup",
    "error",
    "get_clocks_used_doing_optional_cleanup",
    "getcurrent",
    "gettrace",
    "greenlet",
    "settrace",
]
