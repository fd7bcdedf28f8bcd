"""What the measurements run in: a virtual environment an interpreter, in the user's cache
directory, that has this tree's switchlib, the real greenlet and the peers, all of known versions.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "switchlib-benchmarks"

NEEDED = (
    "pyperf==2.10.0",
    "setuptools==84.2.1; python_version >= '3.10'",
    "setuptools==82.0.1; python_version < '3.10'",  # the last for PyPy 7.3.11
    "psutil==5.9.8; implementation_name == 'pypy' and python_version < '3.11'",  # the same
    "cffi==2.1.1; implementation_name == 'cpython'",
    "greenlet==3.5.6; implementation_name == 'cpython'",  # PyPy has its own
    "cython==3.3.1; implementation_name == 'cpython'",
)
PEERS = ("tealet-greenlet==0.1.0rc1", "runloom==0.2.0")
LIBRARIES = ("gevent==26.9.0", "eventlet==0.41.3")
SOURCES = (
    "asm",
    "csrc",
    "switchlib",
    "build_switch.py",
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)

QUESTIONS = (
    "import json, platform as p; print(json.dumps([p.python_implementation(), p.python_version()]))"
)


@dataclass(frozen=True)
class Environment:
    directory: Path
    implementation: str
    version: str

    @property
    def python(self) -> str:
        return str(self.directory / "bin" / "python")

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables of its processes:
        none that would change how Python or switchlib behave.
        """
        return {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "SWITCHLIB"))
        }

    @property
    def name(self) -> str:
        return f"{self.implementation} {self.version}"

    @property
    def is_cpython(self) -> bool:
        return self.implementation == "CPython"

    @property
    def results(self) -> str:
        """The name of the directory for what is measured in it."""
        return f"{self.implementation.lower()}-{self.version}-{platform.machine()}"

    @cached_property
    def missing(self) -> dict[str, str]:
        """The peers and libraries that could not be installed, and why."""
        return dict(json.loads((self.directory / "missing.json").read_text()))

    def pip(self, *arguments: str) -> None:
        subprocess.run([self.python, "-m", "pip", "install", "--quiet", *arguments], check=True)


def environment(python: str) -> Environment:
    """The environment of an interpreter, with switchlib as it is in this tree now."""
    answers = subprocess.run(
        [python, "-c", QUESTIONS], capture_output=True, text=True, check=True
    ).stdout
    implementation, version = json.loads(answers)
    pins = hashlib.sha256(repr((NEEDED, PEERS, LIBRARIES)).encode()).hexdigest()[:8]
    made = Environment(
        CACHE / f"{implementation.lower()}-{version}-{pins}", implementation, version
    )
    if not (made.directory / "missing.json").exists():
        _make(python, made)
    _install_switchlib(made)
    return made


def _make(python: str, wanted: Environment) -> None:
    shutil.rmtree(wanted.directory, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(wanted.directory)], check=True)
    wanted.pip("--upgrade", *NEEDED)
    if wanted.is_cpython:
        _compile(HERE / "compiled_by_cython.pyx", wanted)
    missing = {}
    for peer in (*PEERS, *LIBRARIES):
        try:
            subprocess.run(
                [wanted.python, "-m", "pip", "install", "--quiet", peer],
                check=True,
                capture_output=True,
                text=True,
            )
        except subprocess.CalledProcessError as failure:
            said = (failure.stdout + failure.stderr).splitlines()
            reasons = [line.strip() for line in said if re.search(r"\berror: |^ERROR", line)]
            missing[peer] = min(
                reasons, key=lambda reason: "subprocess" in reason, default="pip failed"
            )
    (wanted.directory / "missing.json").write_text(json.dumps(missing))


def _compile(source: Path, where: Environment) -> None:
    """Puts a module of Cython's where programs import it."""
    asked = [where.python, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]
    directory = Path(
        subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    )
    shutil.copy(source, directory)
    command = [
        where.python,
        "-m",
        "Cython.Build.Cythonize",
        "--quiet",
        "--inplace",
        str(directory / source.name),
    ]
    subprocess.run(command, check=True, capture_output=True)


def _install_switchlib(where: Environment) -> None:
    """Builds it from a copy, so that nothing of this tree is written to,
    unless it is installed as it is.
    """
    digest = hashlib.sha256()
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if (
                file.is_file()
                and file.suffix not in {".so", ".o", ".pyc"}
                and file.name != "_switch.c"
            ):
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    stamp = where.directory / "switchlib.sha256"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    with tempfile.TemporaryDirectory() as scratch:
        ignored = shutil.ignore_patterns("*.so", "*.o", "__pycache__", "_switch.c")
        for source in SOURCES:
            path, copy = ROOT / source, Path(scratch) / source
            if path.is_dir():
                shutil.copytree(path, copy, ignore=ignored)
            else:
                shutil.copy(path, copy)
        where.pip("--no-build-isolation", "--no-deps", "--force-reinstall", scratch)
    stamp.write_text(digest.hexdigest())
