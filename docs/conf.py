"""Sphinx's settings for the documentation site; `nox -s docs` builds it in .venvs/site.

The pages are plain Markdown, for they are also read in the source tree. So links between pages,
and from them to source files, are relative paths; hooks below fit them to the site.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

from switchlib import __version__

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

project = "switchlib"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_copybutton"]
nitpicky = True
# These are of Python's own documentation, which is not asked: a build needs no network.
nitpick_ignore_regex = [
    (
        "py:class",
        r"Any|Callable|CodeType|Context|FrameType|StackSummary|TracebackType|object|(os|types)\..*",
    )
]

myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline"]
default_role = "code"  # docstrings write `names` as Markdown does
add_module_names = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "switchlib"
html_copy_source = False
html_show_copyright = False
html_static_path = ["site"]
html_css_files = ["site.css"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# What these pages show, in place of their own text: files at the top of the source tree.
SHOWN = {name: ROOT / f"{name.upper()}.md" for name in ("changelog", "contributing", "security")}
PAGES = {path: page for page, path in SHOWN.items()} | {ROOT / "README.md": "index"}

LINK = re.compile(r"\[([^\]]+)\]\((?!\w+:)([^)#]+)(#[^)]*)?\)")
PICTURE = re.compile(
    r'<picture>\s*<source [^>]*srcset="(.*?)">\s*<img alt="(.*?)" src="(.*?)">\s*</picture>'
)


def fit_links(app: Sphinx, name: str, content: list[str]) -> None:
    """Links to files at the top of the tree lead to their pages; those to directories nowhere."""
    page = DOCS / f"{name}.md"
    source = SHOWN.get(name, page)

    def fit(link: re.Match[str]) -> str:
        text, target, anchor = link.groups(default="")
        path = (source.parent / target).resolve()
        if path.is_dir():
            return text
        if path in PAGES:
            path = DOCS / f"{PAGES[path]}.md"
        return f"[{text}]({os.path.relpath(path, page.parent)}{anchor})"

    content[0] = LINK.sub(fit, source.read_text() if name in SHOWN else content[0])


def fit_pictures(app: Sphinx, name: str, content: list[str]) -> None:
    """Pictures for light and dark follow the button of the site, not only the browser."""
    content[0] = PICTURE.sub(r"![\2](\3){.only-light}\n![\2](\1){.only-dark}", content[0])


def setup(app: Sphinx) -> None:
    app.connect("source-read", fit_links)
    app.connect("source-read", fit_pictures)
