"""Two environments that differ in one thing: in one `import greenlet` yields greenlet,
in the other switchlib.

They are kept in the user's cache directory. So is what is unpacked of the programs' source
distributions: their tests, without the programs themselves, which come from their wheels.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.download import download

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "switchlib" / "programs"
REQUIREMENTS = HERE / "requirements.txt"
GREENLET = "greenlet==3.5.6"
NOT_SOURCES = (".*", "*.so", "*.o", "__pycache__", "_switch.c", "build", "dist", "*.egg-info")


@dataclass(frozen=True)
class Environment:
    name: str
    directory: Path

    @property
    def python(self) -> str:
        return str(self.directory / "bin" / "python")

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that its programs are run with,
        in addition to those of this process.
        """
        base = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""}
        if self.name == "switchlib":
            (packages,) = (self.directory / "lib").glob("python*/site-packages")
            base["PYTHONPATH"] = str(packages / "switchlib" / "shim")
        return base

    def pip(self, *arguments: str) -> None:
        subprocess.run(
            [self.python, "-m", "pip", "install", "-qq", "--no-deps", *arguments], check=True
        )


def both() -> tuple[Environment, Environment]:
    """greenlet's and switchlib's environment, for the interpreter that runs this;
    switchlib is as in this tree now.
    """
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:8]
    directory = (
        CACHE / f"{platform.python_implementation().lower()}-{platform.python_version()}-{pins}"
    )
    greenlet, switchlib = (
        Environment(name, directory / name) for name in ("greenlet", "switchlib")
    )
    for environment in (greenlet, switchlib):
        if not (environment.directory / "complete").exists():
            shutil.rmtree(environment.directory, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(environment.directory)], check=True)
            environment.pip("-r", str(REQUIREMENTS))
            if environment is greenlet:
                environment.pip(GREENLET)
            (environment.directory / "complete").touch()
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "switchlib"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_SOURCES))
        switchlib.pip("--force-reinstall", str(copy))
    return greenlet, switchlib


def tests_of(requirement: str, kept: tuple[str, ...]) -> Path:
    """The directory with these files and folders of the requirement's source distribution."""
    directory = CACHE / "sources" / requirement
    if not (directory / "complete").exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as scratch:
            download(requirement, Path(scratch), "--no-binary", ":all:")
            (path,) = Path(scratch).iterdir()
            with tarfile.open(path) as archive:
                archive.extractall(scratch)
            (unpacked,) = (each for each in Path(scratch).iterdir() if each.is_dir())
            for name in kept:
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (unpacked / name).rename(directory / name)
        (directory / "complete").touch()
    shutil.copy(HERE / "switchlib_recorder.py", directory)
    return directory
