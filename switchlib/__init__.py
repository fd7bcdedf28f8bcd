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
    """Ends the greenlet in which it is raised.

    It is not raised in the parent, which gets the instance as a value.
    """


# These import the exceptions from here. A module for the exceptions alone
# would take too long to import.
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
    """Imports `_install` when its functions are asked for, since few programs need them."""
    if name in ("get_include", "install"):
        from switchlib import _install

        return getattr(_install, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
