"""Puts the page together: the template, its style, its scripts, and the data."""

from __future__ import annotations

import html
import json
from importlib import resources
from typing import TYPE_CHECKING

from switchlib import __version__
from switchlib._drawing import STYLE
from switchlib.introspection.shown import shown

if TYPE_CHECKING:
    from .sources import Content

# In this order: what a script uses at once stands before it.
SCRIPTS = (
    *("dom", "model", "list", "table", "details", "tree", "stacks", "waits", "memory"),
    *("recording", "lanes", "timeline", "totals", "app"),
)


def html_of(content: Content) -> str:
    """The whole file."""
    folder = resources.files("switchlib._report").joinpath("page")

    def text(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")

    parts = {
        "TITLE": html.escape(shown(content.title)),
        "FACTS": "".join(f"<li>{html.escape(shown(fact))}</li>" for fact in content.facts),
        "NOTES": "".join(f"<li>{html.escape(shown(note))}</li>" for note in content.notes),
        "DRAWINGS": "".join(
            f"<h2>{html.escape(shown(name))}</h2>\n{drawing}" for name, drawing in content.drawings
        ),
        "VERSION": html.escape(__version__),
        "STYLE": STYLE + text("page.css"),
        "DATA": embedded(content.data),
        "SCRIPTS": "".join(f"<script>\n{text(f'{name}.js')}</script>\n" for name in SCRIPTS),
    }
    # Split first: what is put in may look like a place for something else.
    pieces = text("page.html").split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        filled += [parts[name], rest]
    return "".join(filled)


def embedded(data: object) -> str:
    """JSON that can stand in a script element, where `</script>` and `<!--` would end it."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
