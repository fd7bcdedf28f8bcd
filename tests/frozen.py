"""A plugin of pytest: what pytest and the modules of the tests have made stays,
and collections need not look at it.

Neither need checks for leaks, which compare what there is:
what a test leaves behind was made later. PyPy cannot do it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_is_unfrozen = False  # since the plugin froze; to count what is frozen takes long


def pytest_collection_finish() -> None:
    _freeze()


def pytest_runtest_logfinish() -> None:
    if _is_unfrozen:
        _freeze()


def _freeze() -> None:
    global _is_unfrozen
    _is_unfrozen = False
    if hasattr(gc, "freeze"):
        gc.collect()
        gc.freeze()


@contextmanager
def frozen() -> Iterator[None]:
    """A collection has nothing to do with what there was before.

    Nothing is frozen from then to the end of the test.
    """
    global _is_unfrozen
    if not hasattr(gc, "freeze"):
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        _is_unfrozen = True
