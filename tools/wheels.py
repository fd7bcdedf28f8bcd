"""Builds the wheels and the sdist of the commit that is checked out,
and runs each wheel that can run here.

    python tools/wheels.py                          builds everything into dist/, and runs it
    python tools/wheels.py 'cp311-*linux*' sdist    only what is named so
    python tools/wheels.py --list                   the names, and what is built or only checked
    python tools/wheels.py --build                  builds only
    python tools/wheels.py --run                    runs what is in dist/ only
    python tools/wheels.py --twice                  builds twice, elsewhere, and compares the bytes
    python tools/wheels.py --write                  only write the table into docs/platforms.md

Each wheel is run in several places, as docs/platforms.md says; --short is for one of them and for
the core of the tests, --job for one part of the tests. An environment for the tools is made first,
under ~/.cache/switchlib/wheels. Ends with 1 if anything is red.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import debian
import wheels_build
import wheels_run
from debian import Unavailable
from interpreters import CLONE
from wheels_build import NOT_BUILT, PYPY_TAGS, SDIST, TOOLS, WHERE, Builder, Target
from wheels_run import JOBS, Run, Runner, places

DIST = CLONE / "dist"
PAGE = CLONE / "docs" / "platforms.md"
MARKS = "<!-- python tools/wheels.py --write -->", "<!-- end -->"


def with_tools() -> None:
    """Starts this again in the environment of the tools, unless this is in it."""
    key = hashlib.sha256(f"{TOOLS}{sys.version}".encode()).hexdigest()[:12]
    environment = WHERE / f"tools-{key}"
    if Path(sys.prefix) == environment:
        return
    python = environment / "bin" / "python"
    if not environment.exists():
        fresh = environment.with_name(f"{environment.name}.unfinished")
        shutil.rmtree(fresh, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", fresh], check=True)
        subprocess.run(
            [fresh / "bin" / "python", "-m", "pip", "install", "--quiet", *TOOLS], check=True
        )
        fresh.rename(environment)
    os.execv(python, [str(python), *sys.argv])


def build(targets: list[Target], directory: Path, dist: Path) -> bool:
    """Builds them; whether all went well."""
    changes = debian.run(["git", "status", "--porcelain"], cwd=CLONE).splitlines()
    if changes:
        print(
            f"what is committed is built, without {len(changes)} changed files: {changes[0][3:]} "
            "..."
        )
    builder = Builder(directory, dist)
    fine = True
    for target in targets:
        began = time.monotonic()
        try:
            file = builder.build(target)
            if file:
                made = f"{file.name}, {file.stat().st_size:,} bytes"
            else:
                made = "compiles without warnings, and links"
                wheels_run.keep([Run(target.name, "", 0, "", f"not run; {made}", {})])
        except Unavailable as error:
            made = f"could not be built: {error}"
        except RuntimeError as error:
            made, fine = f"RED: {error}", False
        print(f"{target.name:<24} {made} ({time.monotonic() - began:.0f} s)", flush=True)
    return fine


def run(targets: list[Target], directory: Path, short: bool, jobs: list[str]) -> bool:
    """Runs their wheels where they can run; whether all went well."""
    runner = Runner(directory, DIST)
    fine, count = True, 0
    for target in targets:
        wheel = target.find(DIST)
        if target == SDIST or not target.published:
            continue
        if wheel is None:
            print(f"{target.name:<24} RED: it is not in {DIST}")
            fine = False
            continue
        found, missing = places(target, short)
        count += len(found)
        for place in found:
            began = time.monotonic()
            done = runner.run(wheel, place, short, jobs)
            fine &= done.green
            wheels_run.keep([done])
            print(
                f"{target.name:<24} {place.python}, {place.system} ({time.monotonic() - began:.0f} "
                "s)"
            )
            for name, result in done.results.items():
                print(f"{'':<24}     {name}: {result}", flush=True)
        for line in missing:
            print(f"{target.name:<24} could not be had: {line}")
    if not count and any(target != SDIST and target.published for target in targets):
        print("RED: nothing could be run")
        return False
    return fine


def twice(targets: list[Target], directory: Path) -> bool:
    """Builds them in two directories, under two umasks; whether the bytes are the same."""
    found = []
    for name, umask in (("one", 0o022), ("another/which is deeper", 0o077)):
        os.umask(umask)
        dist = directory / name / "dist"
        if not build(
            [target for target in targets if target.published], directory / name / "build", dist
        ):
            return False
        found.append({path.name: wheels_run.digest(path) for path in dist.iterdir()})
    different = {name for name, digest in found[0].items() if found[1].get(name) != digest}
    print(
        f"differ: {', '.join(sorted(different))}"
        if different
        else f"{len(found[0])} files, the same both times"
    )
    return not different


def show(targets: list[Target]) -> None:
    for target in targets:
        if target == SDIST:
            what = "the sdist"
        elif target.platform is None:
            what = f"a wheel for {' '.join(PYPY_TAGS)}"
        elif target.published:
            what = f"a wheel for {target.platform.tag}"
        else:
            what = (
                f"is compiled and linked for {target.platform.tag}, as a check; a wheel must be "
                "run before it goes out"
            )
        print(f"{target.name:<24} {what}")
    for name, reason in NOT_BUILT.items():
        print(f"not built: {name}: {reason}")


def write() -> None:
    text = PAGE.read_text()
    begin, end = (text.index(mark) for mark in MARKS)
    PAGE.write_text(f"{text[:begin]}{MARKS[0]}\n\n{wheels_run.table(DIST)}\n\n{text[end:]}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="or patterns; all without one")
    for name in ("list", "build", "run", "twice", "write", "short"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--job", action="append", choices=JOBS)
    options = parser.parse_args()
    targets = wheels_build.chosen(options.names)
    if options.list:
        show(targets)
        return 0
    if options.write:
        write()
        return 0
    with_tools()
    fine = True
    directory = Path(
        tempfile.mkdtemp(prefix="switchlib-wheels-", dir="/tmp")
    )  # which is the same in every root
    if options.twice:
        fine = twice(targets, directory)
    else:
        if not options.run:
            fine &= build(targets, directory / "build", DIST)
        if not options.build:
            fine &= run(targets, directory / "run", options.short, options.job or [*JOBS])
    if fine:
        shutil.rmtree(directory)
    else:
        print(f"what is red can be looked at in {directory}")
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
