"""Installs wheels of dist/ where they can run here, and tests them there: for wheels.py.

Each run has an environment of its own, in which nothing finds a compiler. pip chooses
the wheel from dist/. The tests run in a directory that has them but not the library, so
that they test what is installed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import interpreters
import matrix
import releases
from debian import Unavailable, run
from interpreters import CLONE, Interpreter
from releases import Headers, Minor, System
from wheels_build import PYPY, Platform, Target, newest

from tests.commands.installed import CORE, FILES, LIBRARY, ON_PYPY, PYTEST
from tests.upstream import VERSION as GREENLET

RESULTS = CLONE / "build" / "wheels.json"
MORE = ("objgraph", "pip")  # for greenlet's own tests
GREENLETS_TESTS = "greenlet's tests"
JOBS = ("demo", "tests", GREENLETS_TESTS, "random programs")

# What an environment must be like: what is imported is the wheel's, byte by byte,
# and there is no compiler.
CHECK = """
import importlib.metadata, pathlib, shutil, switchlib, sys, zipfile
found = [name for name in ("cc", "gcc", "clang", "c++") if shutil.which(name)]
assert not found, f"a compiler is there: {found}"
where = pathlib.Path(switchlib.__file__).parent.parent
assert where == pathlib.Path(importlib.metadata.distribution("switchlib").locate_file("")), where
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if not name.endswith(("/", "/RECORD")):
            assert (where / name).read_bytes() == wheel.read(name), f"not that of the wheel: {name}"
"""


@dataclass(frozen=True)
class Place:
    """An interpreter, and on what it runs."""

    interpreter: Interpreter
    python: str
    system: str
    emulated: bool = False
    minor: Minor = (3, 9)
    platform: str = ""
    """What pip must be told that it runs on: it asks the interpreter's file for its musl,
    and emulated that is a script.
    """

    @property
    def pypy(self) -> bool:
        return self.python.startswith("PyPy")

    def jobs(self, short: bool) -> dict[str, tuple[tuple[str, ...], str]]:
        """What is run: a command, and what it must print, of which a group goes into the table."""
        tests = CORE if short or self.emulated else ON_PYPY if self.pypy else LIBRARY
        # On PyPy it is the collector that decides when a greenlet dies, unless all are kept.
        extent = ("500", "--keeps") if self.pypy else ("5000",)
        programs = ("-m", "tests.model", "--programs", *extent)
        found = (
            (("-m", "switchlib", "demo"), r"step 4: gr1 resumes"),
            ((*PYTEST, *tests), r"(\d+ passed.*?) in "),
            (("-m", "tests.upstream"), r"(?m)^(\d+ passed, .*)$"),
            (programs, r"(?m)^(\d+) programs.* all as the model$"),
        )
        return dict(zip(JOBS, found[:2] if short or self.emulated else found, strict=False))


@dataclass(frozen=True)
class Run:
    """What became of a wheel in a place; without a digest,
    what became of compiling what is no wheel.
    """

    wheel: str
    digest: str
    bytes: int
    python: str
    system: str
    results: dict[str, str]

    @property
    def green(self) -> bool:
        return not any(result.startswith("RED") for result in self.results.values())


def places(target: Target, short: bool) -> tuple[list[Place], list[str]]:
    """Where a wheel can run, and a line for each place that could not be had.

    In short: the last one.
    """
    if target == PYPY:
        pypys = [each for each in interpreters.find() if each.name.endswith("pypy3")]
        found = [Place(each, each.describe(), system_of(each)) for each in pypys]
        return found[-1:] if short else found, []
    missing: list[str] = []
    found = []
    if target.minor is None or target.platform is None or target.platform.checked_only:
        return found, missing
    library = newest(target.minor)
    if target.platform.name == "manylinux_x86_64" and not short:
        native, missing = releases.releases(target.minor, library)
        for each in dict.fromkeys([native[0], native[-1]]) if native else ():
            libc = system_of(each.interpreter)
            found.append(Place(each.interpreter, f"CPython {each.words}", libc, minor=target.minor))
    for system in releases.SYSTEMS:
        if target.platform.tag in system.wheels:
            try:
                found.append(place_on(system, target.minor, target.platform, library))
            except (Unavailable, RuntimeError) as error:
                missing.append(
                    f"CPython {releases.dotted(target.minor)} on the {system.name}: {error}"
                )
    return found, missing


def place_on(system: System, minor: Minor, platform: Platform, library: Headers) -> Place:
    release = releases.release_on(system, minor, library)
    python = f"CPython {release.words}"
    if not system.emulator:
        return Place(release.interpreter, python, system.name, minor=minor)
    emulator = f"qemu {run([system.emulator, '--version']).split()[2]}"
    tag = platform.tag if system.musl else ""
    return Place(release.interpreter, python, f"{system.name}, {emulator}", True, minor, tag)


def system_of(interpreter: Interpreter) -> str:
    ask = "import platform; print(*platform.libc_ver())"
    return run(interpreter.command("-c", ask)).strip()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Runner:
    """Runs wheels; all that it makes is in `directory`, which must be in /tmp:
    that is the same in every root.
    """

    def __init__(self, directory: Path, dist: Path) -> None:
        self.directory, self.dist = directory, directory / "dist"
        shutil.copytree(dist, self.dist)
        shutil.copytree(Path(sysconfig.get_path("purelib"), "pip"), directory / "tools" / "pip")
        self.greenlet, self.downloaded = directory / "greenlet", set[tuple[object, ...]]()
        self.clone = directory / "clone"  # but for the library
        archive = subprocess.run(
            ["git", "archive", "HEAD", *FILES], cwd=CLONE, check=True, stdout=subprocess.PIPE
        )
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(self.clone)

    def run(self, wheel: Path, place: Place, short: bool, jobs: Sequence[str]) -> Run:
        home = Path(tempfile.mkdtemp(prefix="run-", dir=self.directory))
        results = {}
        try:
            python = self._install(wheel, place, home)
            for name, (arguments, pattern) in place.jobs(short).items():
                if name not in jobs:
                    continue
                settings = self._greenlet(wheel, place) if name == GREENLETS_TESTS else {}
                log = home / f"{name}.log"
                results[name] = self._job(python, place, arguments, pattern, log, settings)
        except (Unavailable, RuntimeError) as error:
            results["installed"] = f"RED: {error}"
        done = Run(
            wheel.name, digest(wheel), wheel.stat().st_size, place.python, place.system, results
        )
        if done.green:
            shutil.rmtree(home)
        return done

    def _install(self, wheel: Path, place: Place, home: Path) -> list[str]:
        """Makes an environment with the wheel and what its tests need;
        returns how its Python is started.
        """
        environment = home / "environment"
        _, version, *_ = wheel.name.split("-")
        run(place.interpreter.command("-m", "venv", "--without-pip", str(environment)), cwd=home)
        executable = str(environment / "bin" / "python")
        no_compiler = f"PATH={environment}/bin"
        pip = [f"PYTHONPATH={self.directory}/tools", executable, "-m", "pip", "install", "--quiet"]
        pip += [
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "--find-links",
            str(self.dist),
        ]
        if place.platform:
            (packages,) = environment.glob("lib/python*/site-packages")
            pip += ["--platform", place.platform, "--target", str(packages), "--upgrade"]

        def install(*arguments: str, path: str = no_compiler) -> None:
            run(place.interpreter.within("/usr/bin/env", path, *pip, *arguments), cwd=home)

        install("--no-index", "--no-deps", f"switchlib=={version}")
        if place.pypy:  # for which psutil has no wheels
            install("--no-binary", "psutil", "psutil<6", path=f"PATH={os.environ['PATH']}")
        python = place.interpreter.within("/usr/bin/env", no_compiler, executable)
        wanted = [f"switchlib[test]=={version}", *MORE]
        try:
            run([*python, "-c", "import ssl"])
        except RuntimeError:  # that of 3.14.0 has none: the tools' own pip downloads for it
            packages = home / "packages"
            releases.wheels_for(
                place.minor,
                wanted,
                ["download", "--dest", str(packages), "--find-links", str(self.dist)],
            )
            install("--no-index", "--find-links", str(packages), *wanted)
        else:
            install(*wanted)
        run([*python, "-c", CHECK, str(self.dist / wheel.name)], cwd=self.clone)
        return python

    def _greenlet(self, wheel: Path, place: Place) -> dict[str, str]:
        """The settings with which the place's pip finds greenlet. The tools' own pip downloads it,
        once for all that need the same file: the place's Python may have no ssl.
        """
        minor = (3, 11) if place.pypy else place.minor  # as tests.upstream wants it
        platforms = ["musllinux_1_2_x86_64"] if "musllinux" in wheel.name else []
        if (minor, *platforms) not in self.downloaded:
            download = ["download", "--no-deps", "--dest", str(self.greenlet)]
            releases.wheels_for(minor, [f"greenlet=={GREENLET}"], download, platforms)
            self.downloaded.add((minor, *platforms))
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.greenlet)}

    def _job(
        self,
        python: list[str],
        place: Place,
        arguments: Sequence[str],
        pattern: str,
        log: Path,
        settings: dict[str, str],
    ) -> str:
        variables = {"PYTHONDONTWRITEBYTECODE": "1", **settings}
        if place.emulated:
            variables["SWITCHLIB_EMULATOR"] = place.system
        status = matrix.run([*python, *arguments], self.clone, log, variables)
        said = re.search(pattern, log.read_text(errors="replace"))
        if status == 0 and said:
            return said.group(1) if said.lastindex else "ran"
        last = log.read_text(errors="replace").strip().rpartition("\n")[2]
        return f"RED: {'too slow' if status is None else f'status {status}'}, {last} ({log})"


def keep(runs: Iterable[Run]) -> None:
    """Adds them to the results of before; those of the same wheel in the same place are one."""
    found: dict[tuple[str, str, str], Run] = {}
    for each in [*kept(), *runs]:
        key = each.wheel, each.python, each.system
        known = found.get(key)
        if known and known.digest == each.digest:
            each = replace(each, results=known.results | each.results)
        found[key] = each
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(each) for each in found.values()], indent=1))


def table(dist: Path) -> str:
    """What is known of the wheels that are in `dist` now, and of what was compiled without one."""
    digests = {path.name: digest(path) for path in dist.glob("*.whl")}
    lines = [
        f"| wheel | bytes | run on | with | {' | '.join(JOBS)} |",
        f"|---|--:|{'---|' * (2 + len(JOBS))}",
    ]
    shown = ""
    for each in sorted(kept(), key=lambda each: (not each.digest, each.wheel)):
        if each.digest != digests.get(each.wheel, ""):
            continue
        name = re.sub(
            r"\w+-\d[^-]*-(.*?)-\w+-(?:.*\.)?(\w+)\.whl", r"\1, \2", each.wheel
        )  # and the last of its tags
        first = (
            [f"`{name}`", f"{each.bytes:,}" if each.bytes else ""] if name != shown else ["", ""]
        )
        results = [
            each.results.get(job, "").partition(":")[0] for job in JOBS
        ]  # of what is red, that it is
        lines.append(f"| {' | '.join([*first, each.python, each.system, *results])} |")
        shown = name
    return "\n".join(lines)


def kept() -> list[Run]:
    return [Run(**each) for each in json.loads(RESULTS.read_text())] if RESULTS.exists() else []
