"""Text that another program has chosen, made safe to print."""

from __future__ import annotations

LONGEST_LINE = 2_000


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
