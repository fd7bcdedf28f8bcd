"""Sphinx's settings for the documentation site; `nox -s docs` builds it in .venvs/site.

The pages are plain Markdown, for they are also read in the source tree. So links between pages,
and from them to source files, are relative paths; hooks below fit them to the site.
"""

from __future__ import annotations

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
nitpick_ignore_regex = [("py:class", r"Any|Callable|Context|FrameType|TracebackType|object|types\..*")]

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

# Files at the top of the source tree, and the pages of the site that include them.
INCLUDED = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "README.md": "index.md"}


LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#]*)(#[^)]*)?\)")
PICTURE = re.compile(r'<picture>\s*<source [^>]*srcset="(.*?)">\s*<img alt="(.*?)" src="(.*?)">\s*</picture>')


def fit_links(app: Sphinx, name: str, content: list[str]) -> None:
    """Links to files above docs/ lead to the pages that include them; to directories, nowhere."""
    page = Path(app.env.doc2path(name))

    def fit(link: re.Match[str]) -> str:
        text, target, anchor = link.groups(default="")
        path = (page.parent / target).resolve()
        if path.parent == ROOT and path.name in INCLUDED:
            return f"[{text}](/{INCLUDED[path.name]}{anchor})"
        return text if path.is_dir() else link[0]

    content[0] = LINK.sub(fit, content[0])


def fit_pictures(app: Sphinx, name: str, content: list[str]) -> None:
    """Pictures for light and dark follow the button of the site, not only the browser."""
    content[0] = PICTURE.sub(r"![\2](\3){.only-light}\n![\2](\1){.only-dark}", content[0])


def setup(app: Sphinx) -> None:
    app.connect("source-read", fit_links)
    app.connect("source-read", fit_pictures)
