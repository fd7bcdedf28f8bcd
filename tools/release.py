"""A release, up to the upload: `python tools/release.py VERSION`. docs/releasing.md has the rest.

    python tools/release.py 1.2.0                  a dry run, which changes nothing here
    python tools/release.py 1.2.0 NAME ...         the same, with these wheels alone
    python tools/release.py 1.2.0 --go             the release

All is done in a temporary clone of the commit that is checked out. There the version is written to
its one source, switchlib/__init__.py, and what CHANGELOG.md has under Unreleased becomes the
section of the version. Commit and annotated tag follow. tools/wheels.py makes and runs the wheels
and the sdist, and tools/distributions.py checks them. With --go the commit and the tag are then
pulled from there, and the files go to dist/. Nothing is ever uploaded: how that is done is printed.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from distributions import CHANGELOG, CLONE, SOURCE, VERSION, faults, section, version
from packaging.version import InvalidVersion, Version

UNRELEASED = "## [Unreleased]\n"

NEXT = """
To upload, push the commit and the tag: the workflow `wheels` builds and tests all wheels again, and
publishes them.

    git push origin HEAD v{version}

Where no workflow runs, what is in dist/ can be uploaded, which has no wheels for macOS:

    python -m twine upload dist/*
"""


class Refused(Exception):
    """There will be no release. Says why."""


def run(*command: str, cwd: Path) -> str:
    """Runs a command that must succeed, shows its errors, and returns its output."""
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def check(root: Path, new: str) -> None:
    """Raises Refused if what is checked out cannot become that version."""
    try:
        later = Version(new) > Version(version(root))
    except InvalidVersion as error:
        raise Refused(str(error)) from None
    if str(Version(new)) != new:
        raise Refused(f"{new} is written {Version(new)}")
    if not later:
        raise Refused(f"{new} is not later than {version(root)}, which {SOURCE} has")
    if run("git", "tag", "--list", f"v{new}", cwd=root):
        raise Refused(f"there is a tag v{new}")
    if changes := run("git", "status", "--porcelain", cwd=root):
        raise Refused(f"the tree is not clean:\n{changes}")
    if not section(root, "Unreleased"):
        raise Refused(f"{CHANGELOG} has nothing under Unreleased")


def commit(root: Path, new: str, date: datetime.date) -> None:
    """Makes of a clean clone that version, with its tag."""
    source, changelog = root / SOURCE, root / CHANGELOG
    source.write_text(VERSION.sub(f'__version__ = "{new}"', source.read_text()))
    changelog.write_text(
        changelog.read_text().replace(UNRELEASED, f"{UNRELEASED}\n## [{new}] - {date}\n", 1)
    )
    run("git", "commit", "--quiet", "--message", f"Release {new}", SOURCE, CHANGELOG, cwd=root)
    # The headings in the changelog would be comments to git.
    message = f"switchlib {new}\n\n{section(root, new)}"
    run(
        "git",
        "tag",
        "--annotate",
        "--cleanup=whitespace",
        "--message",
        message,
        f"v{new}",
        cwd=root,
    )


def build(root: Path, names: Sequence[str]) -> Path:
    """Makes the files, runs them, and returns where they are."""
    if subprocess.run(
        [sys.executable, "tools/wheels.py", *names], cwd=root, check=False
    ).returncode:
        raise Refused("tools/wheels.py ended with what is red above")
    if found := faults(root, root / "dist", () if names else ("linux",)):
        raise Refused("\n".join(found))
    return root / "dist"


def take_over(root: Path, new: str) -> None:
    """Brings commit, tag and files of a temporary clone into this one."""
    run(
        "git",
        "pull",
        "--quiet",
        "--ff-only",
        str(root),
        f"refs/tags/v{new}:refs/tags/v{new}",
        cwd=CLONE,
    )
    shutil.copytree(root / "dist", CLONE / "dist")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", metavar="VERSION")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="what tools/wheels.py is told to make"
    )
    parser.add_argument(
        "--go", action="store_true", help="release; without it nothing here changes"
    )
    asked = parser.parse_intermixed_args(arguments)
    if asked.go and asked.names:
        parser.error("a release has all wheels: --go takes no NAME")
    try:
        check(CLONE, asked.version)
        if asked.go and (CLONE / "dist").exists():
            raise Refused("dist/ exists: its files would be uploaded, too")
        with tempfile.TemporaryDirectory(prefix="switchlib-release-") as directory:
            root = Path(directory) / "switchlib"
            run("git", "clone", "--quiet", str(CLONE), str(root), cwd=CLONE)
            commit(root, asked.version, datetime.date.today())
            print(run("git", "show", "--no-color", f"v{asked.version}", cwd=root), flush=True)
            for path in sorted(build(root, asked.names).iterdir()):
                print(
                    f"{path.stat().st_size:>9,} {hashlib.sha256(path.read_bytes()).hexdigest()} "
                    f"{path.name}"
                )
            if asked.go:
                take_over(root, asked.version)
    except Refused as reason:
        print(f"tools/release.py: {reason}", file=sys.stderr)
        return 1
    print(NEXT.format(version=asked.version) if asked.go else "\na dry run: --go makes the release")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
