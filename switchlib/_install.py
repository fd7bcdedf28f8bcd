"""How programs that import `greenlet` get switchlib instead."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from switchlib._greenlet import greenlet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST_NAMED = 10  # modules that a message names

# Without the properties that a lazy module may have.
_namespace: Callable[[ModuleType], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__

SHIM_DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim")


def get_include() -> str:
    """The directory to give a C compiler as -I, so that extensions can
    `#include <greenlet/greenlet.h>`.
    """
    return SHIM_DIRECTORY


def install() -> None:
    """Make `import greenlet` yield switchlib in this program from now on.

    It has no effect on child processes; for these, put the directory that
    `python -m switchlib shim` prints on PYTHONPATH. Calling it again does no harm. Raises
    RuntimeError if the real greenlet was imported before.
    """
    imported = sys.modules.get("greenlet")
    if imported is not None and getattr(imported, "greenlet", None) is not greenlet:
        raise RuntimeError(
            f"switchlib.install() comes too late: greenlet {getattr(imported, '__version__', '?')} "
            f"was already imported from {getattr(imported, '__file__', '?')}"
            f"{_by_modules(imported)}. Call it before "
            "anything imports greenlet, or start the program by `python -m switchlib run`."
        )
    if SHIM_DIRECTORY not in sys.path:
        sys.path.insert(0, SHIM_DIRECTORY)
        sys.path_importer_cache.pop(SHIM_DIRECTORY, None)
    __import__("greenlet")


def _by_modules(package: Any) -> str:
    """Which modules have imported a package, or something from it: part of a message."""
    inside = f"{package.__name__}."
    ours = {id(package), *(id(getattr(package, name, package)) for name in ("greenlet", "error"))}
    names = [
        name
        for name, module in list(sys.modules.items())
        if issubclass(type(module), ModuleType)  # `__class__` may say something else
        and module is not package
        and not name.startswith(inside)
        and any(id(value) in ours for value in list(_namespace(module).values()))
    ]
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f" by {', '.join(names[:MOST_NAMED])}{more}"
