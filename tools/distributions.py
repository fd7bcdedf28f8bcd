"""The files of a release: which there are, and what each must hold.

    python tools/distributions.py [--complete] [DIRECTORY]

checks those in dist/, or in DIRECTORY.

They must be of this clone's version, which CHANGELOG.md must name. With --complete there must be
one for each platform, as in what the workflow publishes; otherwise it is enough that each is in
order. It needs twine, which nox's environment for releases has.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.utils import parse_wheel_filename
from wheels_build import MOST_BYTES

CLONE = Path(__file__).resolve().parent.parent
SOURCE = "switchlib/__init__.py"
CHANGELOG = "CHANGELOG.md"
VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)

CPYTHONS = ("cp310", "cp311", "cp312", "cp313", "cp314", "cp315")
PLATFORMS = {
    "linux": ("manylinux_x86_64", "manylinux_aarch64", "musllinux_x86_64", "musllinux_aarch64"),
    "macos": ("macosx_x86_64", "macosx_arm64"),
}
"""What cibuildwheel builds for each system, in its own words."""
# Not py3: pip would prefer it to the sdist on a CPython without a wheel of its own.
PYPY = "pp3-none-any"

COMPILED = {"switchlib/_switch.so", "switchlib/shim/greenlet/_greenlet.so"}  # but for the suffix
MADE = ("PKG-INFO", "setup.cfg", "switchlib.egg-info/")
"""What an sdist holds that is not in the clone."""


def identifiers(system: str) -> list[str]:
    """The wheels for CPython on a system, as cibuildwheel names them."""
    return [f"{cpython}-{platform}" for platform in PLATFORMS[system] for cpython in CPYTHONS]


def version(root: Path) -> str:
    """The version of a clone, read from where it is written."""
    (written,) = VERSION.findall((root / SOURCE).read_text())
    return str(written)


def section(root: Path, heading: str) -> str:
    """What the changelog has under a heading; nothing if there is no such heading."""
    _, _, rest = (root / CHANGELOG).read_text().partition(f"\n## [{heading}]")
    return rest.partition("\n")[2].partition("\n## ")[0].strip()


def faults(root: Path, directory: Path, systems: Sequence[str] = ()) -> list[str]:
    """What is wrong with the files in a directory as those of a release,
    also by what PyPI asks for.
    """
    twine = [
        sys.executable,
        "-m",
        "twine",
        "check",
        "--strict",
        *sorted(map(str, directory.iterdir())),
    ]
    done = subprocess.run(
        twine, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return [
        *own_faults(root, directory, systems),
        *([done.stdout.rstrip()] if done.returncode else []),
    ]


def own_faults(root: Path, directory: Path, systems: Sequence[str] = ()) -> list[str]:
    """What is wrong with the files in a directory,
    of which none for these systems may be missing.
    """
    written = version(root)
    names = {path.name for path in directory.iterdir()}
    wheels = sorted(
        name for name in names if name.startswith(f"switchlib-{written}-") and name.endswith(".whl")
    )
    sdist = f"switchlib-{written}.tar.gz"
    found = [f"{name}: is not of switchlib {written}" for name in sorted(names - {*wheels, sdist})]
    if not section(root, written):
        found.append(f"{CHANGELOG}: says nothing of {written}")
    if sdist in names:
        found += [f"{sdist}: {fault}" for fault in _faults_of_sdist(root, directory / sdist)]
    for name in wheels:
        found += [f"{name}: {fault}" for fault in _faults_of_wheel(root, directory / name)]
    if systems:
        wanted = {sdist, PYPY, *(name for system in systems for name in identifiers(system))}
        there = {*names, *map(identifier, wheels)}
        found += [f"{name}: is missing" for name in sorted(wanted - there)]
    return found


def identifier(wheel: str) -> str | None:
    """Which wheel of a release that is, by its file name: as cibuildwheel names it, or PYPY.

    pip on PyPy takes pp39-none-any and the like, and other installers pp3-none-any:
    so a wheel may have both tags.
    """
    names = set()
    for tag in parse_wheel_filename(wheel)[3]:
        platform = re.fullmatch(
            r"(manylinux|musllinux|macosx)(?:20\d\d|_\d+_\d+)_(\w+)", tag.platform
        )
        if re.fullmatch(r"pp3\d*-none-any", str(tag)):
            names.add(PYPY)
        elif platform and tag.abi == tag.interpreter in CPYTHONS:
            names.add(f"{tag.interpreter}-{'_'.join(platform.groups())}")
        else:
            return None
    return names.pop() if len(names) == 1 else None


def _tracked(root: Path, *patterns: str) -> set[str]:
    """Which files are the project's."""
    command = ["git", "ls-files", "-z", *patterns]
    done = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    return {*filter(None, done.stdout.split("\0"))}


def _faults_of_wheel(root: Path, path: Path) -> Iterator[str]:
    name = identifier(path.name)
    if name is None:
        yield "has tags that no release has"
    if path.stat().st_size > MOST_BYTES:
        yield f"has {path.stat().st_size:,} bytes, and {MOST_BYTES:,} are the limit"
    with zipfile.ZipFile(path) as archive:
        files = [each.filename for each in archive.infolist() if not each.is_dir()]
    held = {re.sub(r"\..*\.so$", ".so", each) for each in files if ".dist-info/" not in each}
    wanted = _tracked(root, "switchlib") | (set() if name == PYPY else COMPILED)
    yield from (f"lacks {each}" for each in sorted(wanted - held))
    yield from (f"has {each}" for each in sorted(held - wanted))


def _faults_of_sdist(root: Path, path: Path) -> Iterator[str]:
    wanted = {name for name in _tracked(root) if not name.startswith(".")}
    with tarfile.open(path) as archive:
        held = {member.name.partition("/")[2] for member in archive if member.isfile()}
    yield from (f"lacks {name}" for name in sorted(wanted - held))
    yield from (f"has {name}" for name in sorted(held - wanted) if not name.startswith(MADE))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--complete", action="store_true", help="demand a file for each platform")
    parser.add_argument(
        "directory", nargs="?", type=Path, default=CLONE / "dist", metavar="DIRECTORY"
    )
    asked = parser.parse_args(arguments)
    found = faults(CLONE, asked.directory.resolve(), [*PLATFORMS] if asked.complete else [])
    print(*found or ["all in order"], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
