"""What the files here share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Mine(Exception):
    pass


def in_thread(function: Callable[[], Any]) -> Any:
    """Calls it in a thread of its own and returns what it returned."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]
