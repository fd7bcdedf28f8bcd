"""Builds the wheels and the sdist of the commit that is checked out, and runs each wheel that can run here.

    python tools/wheels.py                          build everything into dist/, and run it
    python tools/wheels.py --list                   what would be built, and where it would be run
    python tools/wheels.py 'cp311-*linux*' sdist    only what is named so
    python tools/wheels.py --build                  build, do not run
    python tools/wheels.py --run                    run what is in dist/
    python tools/wheels.py --twice                  build twice, and compare the bytes
    python tools/wheels.py --write                  put the table of what was run into docs/platforms.md

It makes an environment for its tools first, under ~/.cache/switchlib/wheels. Ends with 1 if anything is red.
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

import wheels_build
import wheels_run
from debian import Unavailable
from interpreters import CLONE
from wheels_build import SDIST, TOOLS, WHERE, Builder, Target
from wheels_run import Runner, places

DIST = CLONE / "dist"


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
        subprocess.run([fresh / "bin" / "python", "-m", "pip", "install", "--quiet", *TOOLS], check=True)
        fresh.rename(environment)
    os.execv(python, [str(python), *sys.argv])


def build(targets: list[Target], directory: Path, dist: Path) -> bool:
    """Builds them; whether all went well."""
    builder = Builder(directory, dist)
    fine = True
    for target in targets:
        began = time.monotonic()
        try:
            file = builder.build(target)
            made = f"{file.name}, {file.stat().st_size:,} bytes" if file else "compiles and links"
        except Unavailable as error:
            made = f"could not be built: {error}"
        except RuntimeError as error:
            made, fine = f"RED: {error}", False
        print(f"{target.name:<24} {made} ({time.monotonic() - began:.0f} s)", flush=True)
    return fine


def run(targets: list[Target], directory: Path, short: bool) -> bool:
    """Runs their wheels where they can run; whether all went well."""
    runner = Runner(directory, DIST)
    fine = True
    for target in targets:
        wheel = target.find(DIST)
        if wheel is None or target == SDIST:
            continue
        found, missing = places(target, short)
        for place in found:
            began = time.monotonic()
            done = runner.run(wheel, place, short)
            fine &= done.green
            wheels_run.keep([done])
            print(f"{target.name:<24} {place.python}, {place.system} ({time.monotonic() - began:.0f} s)")
            for name, result in done.results.items():
                print(f"{'':<24}     {name}: {result}", flush=True)
        for line in missing:
            print(f"{target.name:<24} could not be had: {line}")
    return fine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    targets = wheels_build.chosen(options.names)
    with_tools()
    fine = True
    directory = Path(tempfile.mkdtemp(prefix="switchlib-wheels-", dir="/tmp"))  # which is the same in every root
    if not options.run:
        fine &= build(targets, directory / "build", DIST)
    if not options.build:
        fine &= run(targets, directory / "run", options.short)
    if fine:
        shutil.rmtree(directory)
    else:
        print(f"what is red can be looked at in {directory}")
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
