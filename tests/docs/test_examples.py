"""The examples in docs/ print what the pages say: on switchlib, and on greenlet if they fit it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.cpython("`del` ends a greenlet at once only where references are counted")

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text()
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    if "```pycon" in page.read_text()
}
# Those that only import names from switchlib; the others call `switchlib.install()` and the like.
ON_GREENLET = [name for name, text in PAGES.items() if "import switchlib" not in text]


def run_examples(
    name: str, directory: Path, python, library: str = "switchlib", **environment: str
) -> None:
    """Runs what a page has after >>> by `python -m doctest`, in one namespace, from a copy."""
    text = PAGES[name].replace("from switchlib import", f"from {library} import")
    for module in [library, *re.findall(r"^>>> (?:import|from) (\w+)", text, re.M)]:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}, of the extra `docs`")
    copy = directory / Path(name).name
    copy.write_text(re.sub("^```.*", "", text, flags=re.M))
    done = python("-m", "doctest", str(copy), check=False, **environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_examples():
    assert {"docs/tutorial.md", "docs/how-to/gevent.md"} <= set(PAGES)
    assert "docs/tutorial.md" in ON_GREENLET


@pytest.mark.parametrize("name", PAGES)
def test_on_switchlib(name, tmp_path, python, shortcuts):
    run_examples(name, tmp_path, python, SWITCHLIB_SHORTCUTS=str(int(shortcuts)))


@pytest.mark.once
@pytest.mark.parametrize("name", ON_GREENLET)
def test_on_greenlet(name, tmp_path, python):
    run_examples(name, tmp_path, python, library="greenlet")


@pytest.mark.once
@pytest.mark.skipif(
    shutil.which(os.environ.get("CC", "cc")) is None, reason="there is no C compiler"
)
def test_the_extension_module_of_the_guide(tmp_path):
    page = (ROOT / "docs" / "how-to" / "extension.md").read_text()
    blocks = re.findall(r"^```(?:c|python)\n(.*?)^```", page, flags=re.M | re.S)
    for name, text in zip(("counter.c", "setup.py", "use.py"), blocks, strict=True):
        (tmp_path / name).write_text(text)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("setup.py", "build_ext", "--inplace")
    assert run("use.py") == "1 2 3\n"
