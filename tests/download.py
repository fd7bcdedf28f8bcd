"""Distributions from the package index, for tests that run other projects' tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def download(requirement: str, directory: Path, *options: str) -> None:
    """Has pip put the requirement's distribution, without what that depends on, into the
    directory. Raises CalledProcessError if it cannot.
    """
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, *options, "--dest", str(directory), requirement], check=True)
