"""Checks what a forge is told to do, as far as that can be seen here: `python tools/workflows.py`.

The workflows in .github/ cannot run here, nor can the builds of cibuildwheel. But linters read
them, without a network, cibuildwheel says what it would build, and nox has the sessions that the
workflows run. It needs nox's environment for releases.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import wheels_build
from distributions import CLONE, PLATFORMS, identifiers

COMMANDS = Path(sys.executable).parent
WORKFLOWS = sorted(CLONE.glob(".github/workflows/*.yml"))
LINTERS = (
    ("validate-pyproject", "pyproject.toml"),  # which knows the options of cibuildwheel
    ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)),
    ("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml"),
    ("zizmor", "--offline", "--quiet", ".github"),
)


def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of this environment."""
    return subprocess.run(
        [COMMANDS / command, *arguments], cwd=CLONE, capture_output=True, text=True, check=False
    )


def faults() -> Iterator[str]:
    for command in LINTERS:
        done = run(*command)
        if done.returncode:
            yield f"{' '.join(command)}:\n{done.stdout}{done.stderr}"

    for system, names in PLATFORMS.items():
        cpus = dict.fromkeys(name.partition("_")[2] for name in names)
        printed = run(
            "cibuildwheel",
            "--print-build-identifiers",
            "--platform",
            system,
            "--archs",
            ",".join(cpus),
        )
        wanted, would_build = {*identifiers(system)}, {*printed.stdout.split()}
        print(f"cibuildwheel would build for {system}: {' '.join(sorted(would_build))}")
        yield from (f"cibuildwheel would not build {name}" for name in sorted(wanted - would_build))
        yield from (
            f"no release has {name}, which it would build" for name in sorted(would_build - wanted)
        )

    known = {target.name for target in wheels_build.targets()}
    for system in PLATFORMS:
        yield from (
            f"tools/wheels.py does not know {name}"
            for name in identifiers(system)
            if name not in known
        )

    called = {
        name for path in WORKFLOWS for name in re.findall(r"nox -s ([\w-]+)", path.read_text())
    }
    unknown = [
        name for name in sorted(called) if run("nox", "--list-sessions", "-s", name).returncode
    ]
    yield from (f"no session of nox is called {name}" for name in unknown)


def main() -> int:
    found = [*faults()]
    print(*found or [f"{len(WORKFLOWS)} workflows are in order"], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
