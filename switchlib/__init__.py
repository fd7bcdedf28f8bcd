"""Greenlets: functions with a stack of their own.

The interface and the semantics are those of `greenlet`.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from switchlib._dumps import (
        dump_on_fatal_error,
        dump_on_signal,
        stop_dump_on_fatal_error,
        stop_dump_on_signal,
    )
    from switchlib._install import get_include, install
    from switchlib._stacks import StackEntry, capture_stack, format_stacks, print_stacks


class error(Exception):  # noqa: N801 - greenlet's name
    """A greenlet cannot be switched to: it belongs to another thread, or to one that has ended."""


class GreenletExit(BaseException):
    """Ends the greenlet in which it is raised.

    It is not raised in the parent, which gets the instance as a value.
    """


# These import the exceptions from here. A module for the exceptions alone
# would take too long to import.
from switchlib._greenlet import greenlet  # noqa: E402
from switchlib._mechanism import all_greenlets, getcurrent, gettrace, settrace  # noqa: E402

__all__ = [
    "GreenletExit",
    "StackEntry",
    "__version__",
    "all_greenlets",
    "capture_stack",
    "dump_on_fatal_error",
    "dump_on_signal",
    "error",
    "format_stacks",
    "get_include",
    "getcurrent",
    "gettrace",
    "greenlet",
    "install",
    "print_stacks",
    "settrace",
    "stop_dump_on_fatal_error",
    "stop_dump_on_signal",
]

_IMPORTED_LATE = {
    "get_include": "_install",
    "install": "_install",
    "StackEntry": "_stacks",
    "capture_stack": "_stacks",
    "format_stacks": "_stacks",
    "print_stacks": "_stacks",
    "dump_on_fatal_error": "_dumps",
    "dump_on_signal": "_dumps",
    "stop_dump_on_fatal_error": "_dumps",
    "stop_dump_on_signal": "_dumps",
}


def __getattr__(name: str) -> "Any":
    """Imports what few programs need when it is asked for."""
    if name in _IMPORTED_LATE:
        from importlib import import_module

        return getattr(import_module(f"switchlib.{_IMPORTED_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
