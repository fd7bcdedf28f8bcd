"""Builds switchlib for other CPUs and tests it on them.

    python tools/cpus.py                    every CPU
    python tools/cpus.py i386 arm64         these
    python tools/cpus.py --stack            the C-level tests alone: register switch and slices
    python tools/cpus.py --flags            these under every combination of the compilers' flags

Each CPU's own Python comes from Debian and runs under qemu's user-mode emulation, or
natively where this machine can run it. Only compilers and qemu are installed, by apt-get;
the rest is unpacked into a cache directory. What cannot be had is skipped, and says why. It
ends non-zero if anything is red.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from debian import Unavailable, install, run, unpack

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import build_switch  # noqa: E402
from tests.stack import build as build_stack  # noqa: E402

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "switchlib" / "cpus"

PYTHON_PACKAGES = [
    "python3",
    "libpython3-dev",
    *(f"python3-{name}" for name in ("cffi-backend", "hypothesis", "psutil", "pytest")),
]
WARNINGS = ["-Wall", "-Wextra", "-Wundef", "-Werror"]
# The pytest of bookworm puts its own hook in the place of the one by which
# a test sees what is unraisable.
PYTEST = ["-v", "--durations=20", "-p", "no:cacheprovider", "-p", "no:unraisableexception"]
STACK_TESTS = ["--noconftest", "tests/stack/test_stack.py"]
CORE_TESTS = ["tests/greenlet", "tests/model", "tests/install/test_demo.py"]
# Its tests install packages that are not built for most CPUs.
ALL_TESTS = ["--ignore=tests/install/test_build.py"]


@dataclass(frozen=True)
class Cpu:
    name: str
    triplet: str
    machine: str
    """What qemu calls it."""
    model: str = ""
    """Of that machine, where the model that qemu takes by itself lacks something."""
    suites: Sequence[str] = ("bookworm",)
    """Where Debian has it; the later ones if an earlier one cannot be had."""
    architecture: str = ""
    """What Debian calls it, unless that is the name."""
    flags: Sequence[str] = ()
    native: bool = False
    """Whether an x86-64 runs its programs."""
    recent: bool = False
    """Whether bookworm has no compiler for it, and no qemu that runs its Python."""
    tests: Sequence[str] = field(default_factory=lambda: CORE_TESTS)
    """Of the library, where it knows this Python."""

    @property
    def debian(self) -> str:
        return self.architecture or self.name


# Return addresses are signed, and pages marked so that branches may only land where it is meant.
# What gcc adds to each library is not marked in bookworm.
BRANCH_PROTECTION = ["-mbranch-protection=standard", "-nostartfiles", "-Wl,-z,force-bti"]

CPUS = [
    Cpu("amd64", "x86_64-linux-gnu", "x86_64", native=True, tests=ALL_TESTS),
    Cpu("i386", "i686-linux-gnu", "i386", native=True, tests=ALL_TESTS),
    Cpu(
        "i386-sse2",
        "i686-linux-gnu",
        "i386",
        architecture="i386",
        flags=["-msse2", "-mfpmath=sse"],
        native=True,
    ),
    Cpu("arm64", "aarch64-linux-gnu", "aarch64", tests=ALL_TESTS),
    Cpu("arm64-bti", "aarch64-linux-gnu", "aarch64", architecture="arm64", flags=BRANCH_PROTECTION),
    Cpu("armhf", "arm-linux-gnueabihf", "arm"),
    Cpu("armel", "arm-linux-gnueabi", "arm"),
    Cpu("ppc64el", "powerpc64le-linux-gnu", "ppc64le"),
    Cpu("s390x", "s390x-linux-gnu", "s390x"),
    # qemu's own choice does not know other rounding modes.
    Cpu("mips64el", "mips64el-linux-gnuabi64", "mips64el", model="MIPS64R2-generic"),
    Cpu("riscv64", "riscv64-linux-gnu", "riscv64", suites=["trixie", "forky"]),
    Cpu("loong64", "loongarch64-linux-gnu", "loongarch64", suites=["forky", "sid"], recent=True),
]

# Where Debian has no Python for an ABI its register switch is compiled,
# with these flags of clang's, and not run.
COMPILED_ONLY = {
    "macOS, arm64": ["--target=arm64-apple-macos11"],
    "macOS, x86-64": ["--target=x86_64-apple-macos11"],
    "x86-64, x32": ["--target=x86_64-linux-gnux32"],
    "RISC-V, LP64F": ["--target=riscv64-linux-gnu", "-march=rv64imaf", "-mabi=lp64f"],
    "RISC-V, LP64": ["--target=riscv64-linux-gnu", "-march=rv64imac", "-mabi=lp64"],
    "MIPS without FPU": ["--target=mips64el-linux-gnuabi64", "-msoft-float"],
}


@dataclass
class Row:
    """One line of the table."""

    cpu: str
    abi: str = ""
    python: str = ""
    how: str = ""
    stack: str = ""
    library: str = ""
    seconds: float = 0
    red: bool = False


class Machine:
    """A CPU with its Python and its compilers, and a copy of this tree to build for it."""

    def __init__(self, cpu: Cpu, cache: Path):
        self.cpu = cpu
        self.here = cpu.name == "amd64" and platform.machine() == "x86_64"
        self.tree = cache / "trees" / cpu.name
        self.python, self.how = (
            (sys.executable, "natively") if self.here else self._make_python(cache)
        )
        facts = "p.python_version(), s.get_config_var('EXT_SUFFIX'), s.get_path('include')"
        ask = f"import platform as p, sysconfig as s; print({facts})"
        self.version, self.suffix, include = run([self.python, "-c", ask]).split()
        self.includes = [include, str(Path(include).parent)]
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.copytree(
            ROOT,
            self.tree,
            ignore=shutil.ignore_patterns(".*", "*.so", "*.o", "_switch.c", "build", "__pycache__"),
        )
        if (
            not self.here
        ):  # installed, as by `pip install -e`: some tests start Python without any PYTHONPATH
            (self.root / "usr/lib/python3/dist-packages/switchlib.pth").write_text(f"{self.tree}\n")

    def _make_python(self, cache: Path) -> tuple[str, str]:
        """A script that starts this CPU's Python,
        so that the Python can start itself by that too; and how it runs.
        """
        self.root = self._unpack(cache)
        (program,) = (
            path for path in (self.root / "usr/bin").glob("python3.*") if path.suffix[1:].isdigit()
        )
        if self.cpu.native and platform.machine() == "x86_64":
            (loader,) = self.root.glob("usr/lib/*/ld-linux*.so.*")
            how, start = "natively", f'{loader} --argv0 "$0" --library-path {loader.parent}'
        else:
            how, qemu = self._qemu(cache)
            model = f"-cpu {self.cpu.model}" if self.cpu.model else ""
            start = f'{qemu} {model} -0 "$0" -L {self.root}'
        script = self.root / "python"
        script.write_text(f'#!/bin/sh\nPYTHONHOME={self.root}/usr exec {start} {program} "$@"\n')
        script.chmod(0o755)
        return str(script), how

    def _unpack(self, cache: Path) -> Path:
        roots = {suite: cache / suite / self.cpu.debian for suite in self.cpu.suites}
        for suite, root in sorted(roots.items(), key=lambda item: not item[1].exists()):
            try:
                unpack(suite, self.cpu.debian, PYTHON_PACKAGES, root)
                return root
            except Unavailable as missing:
                reason = missing
        raise reason

    def _qemu(self, cache: Path) -> tuple[str, str]:
        if self.cpu.recent:
            unpack("trixie", "amd64", ["qemu-user"], cache / "qemu")
            qemu = f"{cache}/qemu/usr/bin/qemu-{self.cpu.machine}"
        else:
            qemu = f"qemu-{self.cpu.machine}-static"
            install("qemu-user-static", qemu)
        return f"qemu {run([qemu, '--version']).split()[2]}", qemu

    def gcc(self) -> list[str]:
        if self.here:
            return ["gcc"]
        command = f"{self.cpu.triplet}-gcc"
        install(f"gcc-{self.cpu.triplet}", command)
        return [command, f"--sysroot={self.root}"]

    def clang(self) -> list[str]:
        install("clang-19", "clang-19")
        install("lld-19", "ld.lld-19")
        if self.here:
            return ["clang-19", "-fuse-ld=lld"]
        libraries = self.root / "usr/lib" / self.cpu.triplet
        return [
            *("clang-19", "-fuse-ld=lld", f"--target={self.cpu.triplet}", f"--sysroot={self.root}"),
            *("-nostdlib", f"-L{libraries}", "-lc", "-lm", str(libraries / "libgcc_s.so.1")),
        ]

    def compiler(self) -> list[str]:
        return self.clang() if self.cpu.recent else self.gcc()

    def build_stack(self, compiler: Sequence[str], flags: Sequence[str] = ()) -> None:
        """Builds `_stack`, the register switch and the stack layer alone."""
        build_stack.builder().emit_c_code(str(self.tree / "_stack.c"))
        flags = [*build_stack.stack_flags(self.cpu.machine), *flags]
        self._build("_stack", ["_stack.c", *build_stack.SOURCES], [*compiler, *flags])

    def build_switch(self, compiler: Sequence[str]) -> None:
        """Builds the library, and the shim's extension module."""
        build_switch.ffibuilder.emit_c_code(str(self.tree / "switchlib/_switch.c"))
        flags = [*build_switch.flags(self.cpu.machine), "-D_CFFI_NO_LIMITED_API"]
        self._build(
            "switchlib/_switch", ["switchlib/_switch.c", *build_switch.SOURCES], [*compiler, *flags]
        )
        self._build(
            "switchlib/shim/greenlet/_greenlet", [build_switch.SHIM_SOURCE], [*compiler, *flags]
        )

    def _build(self, module: str, sources: Sequence[str], compiler: Sequence[str]) -> None:
        includes = [
            "-I.",
            *(argument for directory in self.includes for argument in ("-isystem", directory)),
        ]
        shared = [
            *self.cpu.flags,
            *WARNINGS,
            "-shared",
            "-fPIC",
            *includes,
            "-o",
            module + self.suffix,
        ]
        run([*compiler, *shared, *sources], cwd=self.tree)

    def abi(self) -> str:
        ask = "import _stack; print(_stack.ffi.string(_stack.lib.switchlib_abi).decode())"
        return run([self.python, "-c", ask], cwd=self.tree).strip()

    def knows_its_python(self) -> bool:
        major, minor, _ = self.version.split(".", 2)
        return (ROOT / f"csrc/tstate/cp{major}{minor}.h").exists()

    def test(self, compiler: Sequence[str], *arguments: str) -> tuple[str, bool]:
        """Runs pytest, which writes to tests.log in the tree; returns how many tests passed,
        in words, and whether all is well. What the tests know as `cc` is a compiler for this CPU.
        """
        programs = self.tree / "bin"
        programs.mkdir(exist_ok=True)
        (programs / "cc").write_text(f'#!/bin/sh\nexec {" ".join(compiler)} "$@"\n')
        (programs / "cc").chmod(0o755)
        report, log = self.tree / "report.xml", self.tree / "tests.log"
        report.unlink(missing_ok=True)
        environment = {"PYTHONPATH": str(self.tree), "PATH": f"{programs}:{os.environ['PATH']}"}
        if self.how != "natively":
            environment["SWITCHLIB_EMULATOR"] = self.how
        with log.open("w") as output:
            done = subprocess.run(
                [self.python, "-m", "pytest", *PYTEST, f"--junitxml={report}", *arguments],
                cwd=self.tree,
                env=os.environ | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            print(log.read_text())
        if not report.exists():
            return f"pytest ended with {done.returncode}", False
        (counts,) = ElementTree.parse(report).getroot().iter("testsuite")
        total, skipped, failed = (
            int(counts.attrib[key]) for key in ("tests", "skipped", "failures")
        )
        errors = int(counts.attrib["errors"])
        words = [str(total - skipped - failed - errors)]
        words += [
            f"{count} {what}"
            for count, what in ((skipped, "skipped"), (failed + errors, "FAILED"))
            if count
        ]
        return ", ".join(words), done.returncode == 0


def test_cpu(cpu: Cpu, cache: Path, stack_only: bool) -> Row:
    row = Row(cpu.name)
    began = time.monotonic()
    try:
        machine = Machine(cpu, cache)
        row.python, row.how = machine.version, machine.how
        compiler = machine.compiler()
        machine.build_stack(compiler)
        row.abi = machine.abi()
        row.stack, fine = machine.test(compiler, *STACK_TESTS)
        row.red = not fine
        if not stack_only and not cpu.flags and machine.knows_its_python():
            machine.build_switch(compiler)
            row.library, fine = machine.test(compiler, *cpu.tests)
            row.red |= not fine
    except Unavailable as missing:
        row.how = f"skipped: {missing}"
    except RuntimeError as failure:
        print(failure)
        row.how, row.red = "could not be built or started", True
    row.seconds = time.monotonic() - began
    return row


def compile_only(name: str, flags: Sequence[str]) -> Row:
    row = Row(name, how="compiled only")
    clang = ["clang-19", *flags, "-std=gnu11", *WARNINGS]
    try:
        install("clang-19", "clang-19")
        row.abi = (
            run([*clang, "-E", "asm/asm.c"], cwd=ROOT)
            .rpartition("switchlib_abi = ")[2]
            .split('"')[1]
        )
        run([*clang, "-c", "asm/asm.c", "-o", os.devnull], cwd=ROOT)
    except Unavailable as missing:
        row.how = f"skipped: {missing}"
    except RuntimeError as failure:
        print(failure)
        row.how, row.red = "does not compile", True
    return row


def combinations() -> Iterator[list[str]]:
    """Flags under which a register switch might be compiled."""
    choices = itertools.product(
        ["-O0", "-O1", "-O2", "-O3"],
        ["-fomit-frame-pointer", "-fno-omit-frame-pointer"],
        ["-fno-stack-protector", "-fstack-protector-all"],
        ["-fno-lto", "-flto"],
    )
    return map(list, choices)


def test_flags(cpu: Cpu, cache: Path) -> Iterator[Row]:
    try:
        machine = Machine(cpu, cache)
        for compiler in (machine.gcc(), machine.clang()):
            for flags in combinations():
                row = Row(cpu.name, python=machine.version, how=" ".join([compiler[0], *flags]))
                began = time.monotonic()
                try:
                    machine.build_stack(compiler, flags)
                    row.abi = machine.abi()
                    row.stack, fine = machine.test(compiler, *STACK_TESTS)
                    row.red = not fine
                except RuntimeError as failure:
                    print(failure)
                    row.stack, row.red = "could not be built", True
                row.seconds = time.monotonic() - began
                yield row
    except Unavailable as missing:
        yield Row(cpu.name, how=f"skipped: {missing}")


def table(rows: Sequence[Row]) -> str:
    lines = [["CPU", "ABI", "Python", "how", "C level", "library", "seconds"]]
    for row in rows:
        name = f"{row.cpu} (RED)" if row.red else row.cpu
        lines.append(
            [name, row.abi, row.python, row.how, row.stack, row.library, f"{row.seconds:.0f}"]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


def main() -> int:
    names = {cpu.name: cpu for cpu in CPUS}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cpus", metavar="CPU", nargs="*", help=f"of {', '.join(names)}")
    parser.add_argument("--stack", action="store_true", help="only the C-level tests")
    parser.add_argument(
        "--flags",
        action="store_true",
        help="the C-level tests with gcc and clang and flags (without CPU: amd64, arm64)",
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="where all is kept (%(default)s)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.cpus if name not in names]
    if unknown:
        parser.error(f"no such CPU: {', '.join(unknown)}")

    chosen = [
        names[name] for name in arguments.cpus or (["amd64", "arm64"] if arguments.flags else names)
    ]
    cache = arguments.cache.resolve()
    rows: list[Row] = []
    for cpu in chosen:
        for row in (
            test_flags(cpu, cache) if arguments.flags else [test_cpu(cpu, cache, arguments.stack)]
        ):
            print(f"{row.cpu}: {row.how}: {row.stack} {row.library}", file=sys.stderr, flush=True)
            rows.append(row)
    if not arguments.cpus and not arguments.flags:
        rows += [compile_only(name, flags) for name, flags in COMPILED_ONLY.items()]
    print(table(rows))
    return int(any(row.red for row in rows))


if __name__ == "__main__":
    sys.exit(main())
