"""A plugin of pytest: what pytest and the modules of the tests have made stays, and collections need not look at it.

Neither need checks for leaks, which compare what there is: what a test leaves behind was made later. PyPy cannot do it.
"""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    _freeze()


def pytest_runtest_logfinish() -> None:
    """A test that freezes for itself unfreezes all."""
    if hasattr(gc, "freeze") and gc.get_freeze_count() == 0:
        _freeze()


def _freeze() -> None:
    if hasattr(gc, "freeze"):
        gc.collect()
        gc.freeze()
