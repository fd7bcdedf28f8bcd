"""How programs that import `greenlet` get switchlib instead."""

from __future__ import annotations

import os
import sys

from switchlib._greenlet import greenlet

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
            f"was already imported from {getattr(imported, '__file__', '?')}. Call it before "
            "anything imports greenlet, or start the program by `python -m switchlib run`."
        )
    if SHIM_DIRECTORY not in sys.path:
        sys.path.insert(0, SHIM_DIRECTORY)
        sys.path_importer_cache.pop(SHIM_DIRECTORY, None)
    __import__("greenlet")
