"""How programs that import `greenlet` get switchlib instead."""

from __future__ import annotations

import os
import sys

from switchlib._greenlet import greenlet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

SHIM_DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim")


def get_include() -> str:
    """The directory to give a C compiler as -I: extensions `#include <greenlet/greenlet.h>` from there."""
    return SHIM_DIRECTORY


def install() -> None:
    """Make `import greenlet` yield switchlib in this program from now on.

    Child processes are not reached: for these put `python -m switchlib shim` on PYTHONPATH. Calling it again does
    no harm. Raises RuntimeError if the real greenlet was imported before.
    """
    import importlib  # with `warnings`, a fifth of what it takes to import switchlib

    imported = sys.modules.get("greenlet")
    if imported is not None and getattr(imported, "greenlet", None) is not greenlet:
        raise RuntimeError(
            f"switchlib.install() comes too late: greenlet {getattr(imported, '__version__', '?')} was already "
            f"imported from {getattr(imported, '__file__', '?')}. Call it before anything imports greenlet, or start "
            "the program by `python -m switchlib run`."
        )
    if SHIM_DIRECTORY not in sys.path:
        sys.path.insert(0, SHIM_DIRECTORY)
        importlib.invalidate_caches()
    importlib.import_module("greenlet")


def environment_with_shim() -> dict[str, str]:
    """The environment variables of this process with the shim first on PYTHONPATH."""
    others = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return os.environ | {"PYTHONPATH": os.pathsep.join([SHIM_DIRECTORY, *others])}


def run(arguments: list[str]) -> NoReturn:
    """Become `python ARGUMENTS` with the shim first on PYTHONPATH, for it and for all its children.

    A fresh interpreter, so that arguments, exit status, `__main__` and tracebacks are Python's own. Raises
    RuntimeError if this interpreter was told to ignore PYTHONPATH.
    """
    if sys.flags.ignore_environment:
        raise RuntimeError("the shim is found by PYTHONPATH, which the options -E and -I tell Python to ignore")
    import subprocess  # of no use to a program that only imports switchlib, and dear

    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *flags, *arguments], environment_with_shim())
