"""The Pythons that switchlib is tested on: finds those of this machine,
and gets the others from Debian.

    python tools/interpreters.py                    what is here
    python tools/interpreters.py make [SUITE ...]   get what is missing first
    python tools/interpreters.py run NAME ARGUMENT ...

`make` installs PyPy and CPython's debug build with apt and, by debootstrap and from the mirror that
this machine is configured for, each suite of SUITES into a directory of its own under
~/.cache/switchlib/suites. What is there is kept: remove a directory to get it again. What cannot be
had is skipped, and says why. It needs Debian and root.

`run` starts an interpreter as if it were installed: in its suite's root,
where /tmp and this clone are what they are outside. The working directory must be in one of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from debian import Unavailable, mirror

CLONE = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "switchlib" / "suites"
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")

SYSTEM = {
    "pypy3": ("pypy3", "pypy3-dev", "pypy3-venv"),
    "python3-dbg": ("python3-dbg", "python3-venv"),
}
SUITES = {  # which packages to take of each: Debian's names move on, so they are patterns
    "trixie": r"pypy3(-dev|-venv)?",
    "sid": r"python3\.1\d(-dev|-venv|-dbg)?|pypy3(-dev|-venv)?",
}
TO_BUILD = ("ca-certificates", "gcc", "libc6-dev", "libffi-dev")
OF_THIS_MACHINE = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pip.conf",
    "/etc/xdg/pip",
    "~/.config/pip",
)

ENTER = """
root=$1; directory=$(pwd); shift
while [ "$1" != -- ]; do
    mkdir -p "$root$1" && mount --rbind "$1" "$root$1" || exit 125
    shift
done
shift
exec chroot "$root" env --chdir="$directory" "$@"
"""
DESCRIBE = """
import platform, sys, sysconfig
version = getattr(sys, "pypy_version_info", sys.version_info)
print(platform.python_implementation(), ".".join(map(str, version[:3])),
      platform.python_version(), bool(sysconfig.get_config_var("Py_DEBUG")))
"""


@dataclass(frozen=True)
class Interpreter:
    """One Python: where it comes from, its executable, and the root in which it runs,
    if that is not the machine's.
    """

    source: str
    executable: str
    root: Path | None = None

    @property
    def name(self) -> str:
        if self.source == "pyenv":
            return f"pyenv-{Path(self.executable).parent.parent.name}"
        return f"{self.source}-{Path(self.executable).name}"

    def command(self, *arguments: str) -> list[str]:
        """What to execute, in the present working directory, to run it with these arguments."""
        return self.within(self.executable, *arguments)

    def within(self, *command: str) -> list[str]:
        """What to execute to run any command in its system: an environment's python, gcc, gdb."""
        if self.root is None:
            return list(command)
        shared = ["/proc", "/dev", "/tmp", *([] if CLONE.is_relative_to("/tmp") else [str(CLONE)])]
        enter = ("unshare", "--mount", "sh", "-c", ENTER, "enter", str(self.root))
        return [*enter, *shared, "--", *command]

    def describe(self) -> str:
        """Its implementation and version, for people."""
        done = subprocess.run(
            self.command("-c", DESCRIBE), capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"does not start: {done.stderr.strip()}"
        implementation, version, language, debug = done.stdout.split()
        described = f"{implementation} {version}" + (
            f" (Python {language})" if implementation == "PyPy" else ""
        )
        return described + (", debug build" if debug == "True" else "")


def find() -> list[Interpreter]:
    """All that are here now: pyenv's CPythons, the machine's PyPy,
    and those of the suites that were made.
    """
    return [*_pyenv(), *_system(), *(each for suite in SUITES for each in _suite(suite))]


def _pyenv() -> Iterator[Interpreter]:
    found = [
        path
        for path in PYENV.glob("versions/3.*/bin/python")
        if _numbers(path.parent.parent.name) >= (3, 10)
    ]
    for path in sorted(found, key=lambda path: _numbers(path.parent.parent.name)):
        yield Interpreter("pyenv", str(path))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _system() -> Iterator[Interpreter]:
    for name in SYSTEM:
        if Path("/usr/bin", name).exists():
            yield Interpreter("system", f"/usr/bin/{name}")


def _suite(suite: str) -> Iterator[Interpreter]:
    root = CACHE / suite
    names = [
        path.name
        for path in (root / "usr/bin").glob("p*3*")
        if re.fullmatch(r"python3\.1\d(-dbg)?|pypy3", path.name)
    ]
    for name in sorted(names, key=lambda name: (name == "pypy3", name)):
        yield Interpreter(suite, f"/usr/bin/{name}", root)


def make(suites: Iterable[str]) -> list[str]:
    """Gets what is missing; returns a line for each thing that could not be had."""
    skipped = []
    for what in dict.fromkeys(("pypy3", "python3-dbg", *suites)):
        try:
            _make_system(what) if what in SYSTEM else _make_suite(what)
        except Unavailable as missing:
            skipped.append(f"{what}: {missing}")
    return skipped


def _make_system(name: str) -> None:
    if not Path("/usr/bin", name).exists():
        _apt_install(*SYSTEM[name])


def _apt_install(*packages: str) -> None:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise Unavailable(f"{' '.join(packages)} would be installed by apt-get, as root, on Debian")
    _quietly("apt-get", "update")
    _quietly("apt-get", "install", "--yes", "--no-install-recommends", *packages)


def _make_suite(suite: str) -> None:
    root = CACHE / suite
    if root.exists():
        return
    if suite not in SUITES:
        raise Unavailable(f"it is none of {', '.join(SUITES)}")
    if shutil.which("debootstrap") is None:
        _apt_install("debootstrap")
    if os.geteuid() != 0:
        raise Unavailable("debootstrap and chroot need root")
    address = mirror()
    unfinished = CACHE / f"{suite}.unfinished"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    print(f"{suite}: from {address} into {root}; this takes a minute or two", flush=True)
    _quietly(
        "debootstrap",
        "--variant=minbase",
        "--include=ca-certificates",
        suite,
        str(unfinished),
        address,
    )
    for path in map(os.path.expanduser, OF_THIS_MACHINE):
        if os.path.isdir(path):
            shutil.copytree(path, f"{unfinished}{path}", dirs_exist_ok=True)
        elif os.path.exists(path):
            shutil.copy(path, f"{unfinished}{path}")
    known = _quietly("chroot", str(unfinished), "apt-cache", "pkgnames", "py").split()
    wanted = [name for name in known if re.fullmatch(SUITES[suite], name)]
    _quietly(
        "chroot",
        str(unfinished),
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        *TO_BUILD,
        *wanted,
    )
    _quietly("chroot", str(unfinished), "apt-get", "clean")
    unfinished.rename(root)


def _quietly(*command: str) -> str:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        last = "\n    ".join((done.stdout + done.stderr).splitlines()[-5:])
        raise Unavailable(f"`{' '.join(command)}` failed:\n    {last}")
    return done.stdout


def main(arguments: list[str]) -> int:
    action, *rest = arguments or ["list"]
    if action == "run" and rest:
        named = {each.name: each for each in find()}
        if rest[0] not in named:
            print(f"no {rest[0]} here, but {', '.join(named)}", file=sys.stderr)
            return 2
        command = named[rest[0]].command(*rest[1:])
        os.execvp(command[0], command)
    if action not in ("list", "make") or (action == "list" and rest):
        print(__doc__, file=sys.stderr)
        return 2
    skipped = make(rest or SUITES) if action == "make" else []
    for each in find():
        print(f"{each.name:<24} {each.describe()}")
    for line in skipped:
        print(f"skipped  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
