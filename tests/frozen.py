"""A plugin of pytest: what pytest and the modules of the tests have made stays, and collections need not look at it.

Neither need checks for leaks, which compare what there is: what a test leaves behind was made later. PyPy cannot do it.
"""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    if hasattr(gc, "freeze"):
        gc.collect()
        gc.freeze()
