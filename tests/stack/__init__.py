"""The stack layer alone, with coroutines in plain C to drive it: the Python module `_stack`."""

from __future__ import annotations

import importlib
import sys
import tempfile
from typing import Any


def load() -> Any:
    """The module as tools/cpus.py has built it for this CPU,
    or else as it is built here and now.
    """
    try:
        return importlib.import_module("_stack")
    except ModuleNotFoundError:
        from tests.stack.build import builder

        with tempfile.TemporaryDirectory() as directory:
            builder().compile(tmpdir=directory)
            sys.path.insert(0, directory)
            try:
                return importlib.import_module("_stack")
            finally:
                sys.path.remove(directory)
