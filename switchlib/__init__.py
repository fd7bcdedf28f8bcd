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
    from switchlib._readers import allow_readers
    from switchlib._slow import report_slow, stop_report_slow
    from switchlib._stacks import StackEntry, capture_stack, format_stacks, print_stacks
    from switchlib._timeline import start_timeline, stop_timeline, timeline
    from switchlib._track import created_at, suspended_since, track
    from switchlib._watchers import add_watcher, remove_watcher


class error(Exception):  # noqa: N801 - greenlet's name
    """A greenlet cannot be switched to: it belongs to another thread, or to one that has ended."""


class GreenletExit(BaseException):
    """Ends the greenlet in which it is raised.

    It is not raised in the parent, which gets the instance as a value.
    """


# These import the exceptions from here. A module for the exceptions alone
# would take too long to import.
from switchlib._greenlet import greenlet  # noqa: E402
from switchlib._mechanism import (  # noqa: E402
    GreenletEvent,
    all_greenlets,
    getcurrent,
    gettrace,
    label,
    mark,
    settrace,
)

__all__ = [
    "GreenletEvent",
    "GreenletExit",
    "StackEntry",
    "__version__",
    "add_watcher",
    "all_greenlets",
    "allow_readers",
    "capture_stack",
    "created_at",
    "dump_on_fatal_error",
    "dump_on_signal",
    "error",
    "format_stacks",
    "get_include",
    "getcurrent",
    "gettrace",
    "greenlet",
    "install",
    "label",
    "mark",
    "print_stacks",
    "remove_watcher",
    "report_slow",
    "settrace",
    "start_timeline",
    "stop_dump_on_fatal_error",
    "stop_dump_on_signal",
    "stop_report_slow",
    "stop_timeline",
    "suspended_since",
    "timeline",
    "track",
]

_IMPORTED_LATE = {
    "get_include": "_install",
    "install": "_install",
    "allow_readers": "_readers",
    "add_watcher": "_watchers",
    "remove_watcher": "_watchers",
    "report_slow": "_slow",
    "stop_report_slow": "_slow",
    "start_timeline": "_timeline",
    "stop_timeline": "_timeline",
    "timeline": "_timeline",
    "created_at": "_track",
    "suspended_since": "_track",
    "track": "_track",
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
