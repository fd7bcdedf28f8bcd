"""Links in the Markdown pages of the source tree lead to files, and to headings that they have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.once,
    pytest.mark.cpython("it is the same everywhere"),
]

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")]
)

CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)|(?:src|srcset)=\"([^\"]+)\"")


def anchors(page: Path) -> set[str]:
    """What a forge, and the site, call the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", page.read_text()), re.MULTILINE)
    titles = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def broken_links(page: Path) -> list[str]:
    found = []
    for link in LINK.finditer(CODE.sub("", page.read_text())):
        target = link[1] or link[3] or ""
        path = (page.parent / target).resolve() if target else page
        if not path.exists():
            found.append(f"{target}: there is no such file")
        elif link[2] and link[2] not in anchors(path):
            found.append(f"{target}#{link[2]}: {path.name} has no such heading")
    return found


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b`, and C\n"
        "[ok](#a-b-and-c) [no](#other) [no](none.md) [ok](https://example.com/x#y)\n"
    )
    assert [text.partition(":")[0] for text in broken_links(page)] == ["#other", "none.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page):
    if not (ROOT / ".git").exists():
        pytest.skip("a source distribution lacks some of the files that are linked to")
    assert broken_links(page) == []
