"""One binary for all patch releases of a CPython version:
`python tools/patch_releases.py [3.N ...]`.

The structures that switchlib reads may change from one patch release to the next
(docs/new-cpython.md says which do), yet a wheel serves all of them. So this compiles switchlib
with the headers of the oldest release that can be had, and with those of the newest. Each binary
then runs the core of the tests on the oldest interpreter and on the newest, except on the
release of its own headers if the other binary runs there. releases.py gets all this from PyPI
and Debian. What could not be had is reported at the end, with the reason. Ends with 1 if a run
is red or if nothing could be run.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import interpreters
import matrix
import releases
from debian import Unavailable, install, run
from releases import Headers, Minor, Release, dotted

import build_switch

TESTS = ("greenlet", "model", "mechanism/test_kill.py", "mechanism/test_cycles.py", "tstate")
NEEDED = ["cffi", "pytest", "hypothesis", "psutil", "exceptiongroup", "tomli", "typing_extensions"]
"""With what pip would leave out, since it goes by the Python that it runs on:
the last three are for 3.10.
"""

LINE = "{:<8} {:<22} {:<36} {}"


def build(headers: Headers, directory: Path) -> None:
    """Copies the clone, and compiles it with these headers.

    This machine's gcc and C library do for all.
    """
    shutil.copytree(
        interpreters.CLONE, directory, ignore=shutil.ignore_patterns(*matrix.NOT_COPIED)
    )
    headers.copy(directory / "headers")
    with contextlib.redirect_stdout(io.StringIO()):  # cffi prints what it generates
        build_switch.builder().emit_c_code(str(directory / "_switch.c"))
    command = [
        "gcc",
        "-shared",
        "-fPIC",
        "-DNDEBUG",
        "-D_CFFI_NO_LIMITED_API",
        *build_switch.flags(os.uname().machine),
    ]
    command += ["-I.", "-Iheaders", "-o", "switchlib/_switch.so"]
    run([*command, "_switch.c", *build_switch.SOURCES], cwd=directory)


def test(directory: Path, packages: Path, release: Release, log: Path) -> matrix.Result:
    """Runs the tests of a copy with an interpreter."""
    paths = [f"tests/{name}" for name in TESTS]
    command = release.interpreter.command("-m", "pytest", "-q", "-p", "no:cacheprovider", *paths)
    variables = {"PYTHONPATH": f"{directory}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    began = time.monotonic()
    result = matrix.judge(matrix.run(command, directory, log, variables), log)
    result.text += f", {time.monotonic() - began:.0f} s"
    return result


def ends(things: list[Headers] | list[Release]) -> list[Headers | Release]:
    """The first and the last; one, if they are of the same release."""
    return [things[0]] if things[0].version == things[-1].version else [things[0], things[-1]]


def check(minor: Minor, home: Path, missing: list[str]) -> list[bool]:
    """All runs of a minor version: whether each is green."""
    headers, lacking = releases.headers(minor)
    missing += lacking
    if not headers:
        missing.append(f"CPython {dotted(minor)}: without headers nothing can be built")
        return []
    found, lacking = releases.releases(minor, headers[-1])
    missing += lacking
    if not found:
        missing.append(f"CPython {dotted(minor)}: there is no interpreter")
        return []
    if headers[0].version == headers[-1].version:
        missing.append(f"headers of {dotted(minor)} of another release than {headers[0]}")
    packages = home / "packages"
    releases.wheels_for(minor, NEEDED, ["install", "--target", str(packages)])
    fine = []
    for of in ends(headers):
        assert isinstance(of, Headers)
        directory = home / f"headers-{dotted(of.version)}"
        build(of, directory)
        for on in ends(found):
            assert isinstance(on, Release)
            if of.version == on.version and headers[0].version != headers[-1].version:
                continue  # the other binary proves more on it
            result = test(directory, packages, on, home / f"{dotted(of.version)}-on-{on.words}.log")
            print(LINE.format(dotted(minor), str(of), str(on), result), flush=True)
            fine.append(result.green)
    return fine


def main(arguments: list[str]) -> int:
    known = {dotted(minor): minor for minor in releases.WHEELS}
    if not set(arguments) <= set(known):
        print(f"{__doc__}\nknown: {', '.join(known)}", file=sys.stderr)
        return 2
    install("gcc", "gcc")
    directory = Path(
        tempfile.mkdtemp(prefix="switchlib-releases-", dir="/tmp")
    )  # which is the same in every root
    missing: list[str] = []
    print(LINE.format("", "compiled with", "run on", "tests"), flush=True)
    fine = []
    for name in arguments or known:
        home = directory / name
        home.mkdir()
        try:
            fine += check(known[name], home, missing)
        except Unavailable as error:
            missing.append(f"CPython {name}: {error}")
        except RuntimeError as error:
            print(LINE.format(name, "", "", f"RED: {str(error)[:2000]}"), flush=True)
            fine.append(False)
    for line in missing:
        print(f"could not be had  {line}")
    if not fine or not all(fine):
        print(
            f"\nwhat the red ones printed: {directory}/*/*.log"
            if fine
            else "\nnothing could be run"
        )
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
