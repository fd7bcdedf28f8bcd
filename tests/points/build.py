"""Builds switchlib._switch for these tests, and loads it in the
place of the one that is installed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def build(directory: Path) -> Path:
    """Compiles a copy of the sources in a directory; returns the extension module."""
    for name in ("asm", "csrc"):
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("*.o"))
    from build_switch import builder

    before = os.getcwd()
    os.chdir(directory)
    try:
        return Path(builder("SWITCHLIB_POINTS").compile(tmpdir=str(directory)))
    finally:
        os.chdir(before)


def load(extension: Path) -> None:
    """Makes it the extension of this process. To be called before switchlib is imported."""
    assert "switchlib" not in sys.modules
    spec = importlib.util.spec_from_file_location("switchlib._switch", extension)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["switchlib._switch"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
