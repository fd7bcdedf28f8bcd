"""Lines of the source files that frames name, as far as these can be read."""

from __future__ import annotations

import linecache
import os

# What a process names may be anything: a device has no end, and a pipe may never have one.
LARGEST = 16 << 20


def source_lines(path: str) -> list[str]:
    """The lines of a file; none if it is no regular file, is very large or cannot be read."""
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return []
        return linecache.getlines(path)
    except OSError:  # it has gone meanwhile
        return []


def source_line(path: str, number: int | None) -> str:
    """A line without its indentation; "" if there is none."""
    lines = source_lines(path) if number else []
    return lines[number - 1].strip() if number and 0 < number <= len(lines) else ""
