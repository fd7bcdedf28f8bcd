"""Greenlets: functions with a stack of their own. The interface and the semantics are those of `greenlet`."""

from switchlib._exceptions import GreenletExit, error
from switchlib._greenlet import greenlet
from switchlib._install import get_include, install
from switchlib._mechanism import getcurrent, gettrace, settrace

__version__ = "0.1.0"

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
