"""Greenlets: functions with a stack of their own.

The interface and the semantics are those of `greenlet`.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from switchlib._install import get_include, install


class error(Exception):  # noqa: N801 - greenlet's name
    """A greenlet cannot be switched to: it belongs to another thread, or to one that has ended."""


class GreenletExit(BaseException):
    """Ends the greenlet it is raised in.

    It does not go on to the parent, which gets the instance as a value.
    """


# These import the exceptions from here: a module of their own would take longer to
# import than all that is in it.
from switchlib._greenlet import greenlet  # noqa: E402
from switchlib._mechanism import getcurrent, gettrace, settrace  # noqa: E402

__all__ = [
    "GreenletExit",
    "__version__",
    "error",
    "get_include",
    "getcurrent",
    "gettrace",
    "greenlet",
    "install",
    "settrace",
]


def __getattr__(name: str) -> "Any":
    """Few programs ask for what is in `_install`, so it is imported when one does."""
    if name in ("get_include", "install"):
        from switchlib import _install

        return getattr(_install, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
