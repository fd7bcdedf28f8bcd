"""Text that another program has chosen, made safe to print, and lines of its sources."""

from __future__ import annotations

import linecache
import os
import stat

LONGEST_LINE = 2_000
LARGEST_SOURCE = 16 << 20


def shown(text: str, limit: int = LONGEST_LINE) -> str:
    """The text with escapes for what would control a terminal or cannot be printed, cut after
    `limit` characters.
    """
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def source_line(path: str, number: int) -> str:
    """A line of a source file without the spaces around it; "" if it cannot be read."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ""
    # The program has chosen the name: it could be that of a pipe, or of /dev/zero.
    if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_SOURCE:
        return ""
    return linecache.getline(path, number).strip()
