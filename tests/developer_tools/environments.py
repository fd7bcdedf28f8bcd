"""An environment for each tool on each Python, and an installation of switchlib for each Python.

They are kept in a directory below /tmp, which is the same in the roots of all interpreters. In each
environment there is greenlet, and what the tool needs. switchlib is not installed there: it is on
PYTHONPATH when it is its turn, so that both libraries get the same versions of everything else.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from interpreters import Interpreter  # noqa: E402

DIRECTORY = Path("/tmp") / f"switchlib-developer-tools-{os.getuid()}"
GREENLET = "greenlet==3.5.6"
SOURCES = "*.py", "pyproject.toml", "asm/**/*", "csrc/**/*", "switchlib/**/*"
NOT_SOURCES = (".*", "*.so", "*.o", "__pycache__", "_switch.c", "build", "dist", "*.egg-info")


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    interpreter: Interpreter
    version: tuple[int, ...]
    directory: Path

    @property
    def python(self) -> Path:
        return self.directory / "bin" / "python"

    def version_of(self, package: str) -> str:
        """The version of a package that is installed there."""
        code = f"from importlib.metadata import version; print(version({package!r}))"
        return output(self.interpreter, str(self.python), "-c", code).strip()


def output(interpreter: Interpreter, *command: str) -> str:
    done = subprocess.run(
        interpreter.within(*command), capture_output=True, text=True, check=False, cwd="/tmp"
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}"[-2000:])
    return done.stdout


def home(interpreter: Interpreter) -> Path:
    """Where everything for an interpreter is."""
    return DIRECTORY / interpreter.name


def version(interpreter: Interpreter) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:3])"
    printed = output(interpreter, interpreter.executable, "-c", code)
    return tuple(int(number) for number in printed.split())


def environment(interpreter: Interpreter, packages: tuple[str, ...]) -> Environment:
    """The environment that has greenlet and these packages; it is made if there is none."""
    wanted = (GREENLET, *packages)
    name = re.sub(r"\W.*", "", packages[0]) if packages else "plain"
    digest = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:6]
    made = Environment(interpreter, version(interpreter), home(interpreter) / f"{name}-{digest}")
    if not (made.directory / "complete").exists():
        shutil.rmtree(made.directory, ignore_errors=True)
        output(interpreter, interpreter.executable, "-m", "venv", str(made.directory))
        output(interpreter, str(made.python), "-m", "pip", "install", "-q", *wanted)
        (made.directory / "complete").touch()
    return made


def switchlib(interpreter: Interpreter) -> Path:
    """Installs switchlib as it is in this tree now, unless it is there already; returns the
    directory with the package.
    """
    plain = environment(interpreter, ())
    directory = home(interpreter) / "switchlib"
    stamp, wanted = directory / "sources", _digest_of_sources()
    if stamp.exists() and stamp.read_text() == wanted:
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        copy = Path(scratch) / "switchlib"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_SOURCES))
        into = ("--target", str(directory), str(copy))
        output(interpreter, str(plain.python), "-m", "pip", "install", "-q", *into)
    stamp.write_text(wanted)
    return directory


def _digest_of_sources() -> str:
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted(ROOT.glob(folder)):
            if path.suffix in (".py", ".c", ".h", ".S", ".toml"):
                digest.update(path.read_bytes())
    return digest.hexdigest()
