"""The cffi builder of switchlib._switch, for setup.py.

`python build_switch.py` builds all in place.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
SHIM_SOURCE = "csrc/shim/greenlet.c"  # an extension module of its own
SOURCES = [
    "asm/asm.c",
    *sorted({str(path.relative_to(HERE)) for path in (HERE / "csrc").rglob("*.c")} - {SHIM_SOURCE}),
]

PREAMBLE = """
#include "asm/asm.h"
#include "csrc/stack.h"
#include "csrc/mechanism.h"
"""


def target() -> str:
    """The CPU that setuptools compiles for, which need not be the one that it runs on."""
    return sysconfig.get_platform().rpartition("-")[2]  # follows _PYTHON_HOST_PLATFORM


def flags(machine: str) -> list[str]:
    """What the compiler is told for a CPU of that name."""
    common = ["-std=gnu11", "-O2", "-fvisibility=hidden"]
    if machine in ("x86_64", "i386", "i686", "amd64"):
        # A shadow stack knows one order of returns, stack slices have many.
        return [*common, "-fcf-protection=none"]
    return common


def builder(*macros: str) -> FFI:
    """The builder; `macros` are defined for the C compiler."""
    ffi = FFI()
    for layer in ("stack", "mechanism"):
        ffi.cdef((HERE / "csrc" / f"{layer}.cdef.h").read_text())
    ffi.set_source(
        "switchlib._switch",
        PREAMBLE,
        sources=SOURCES,
        depends=[
            str(path.relative_to(HERE))
            for folder in ("asm", "csrc")
            for path in (HERE / folder).rglob("*.h")
        ],
        include_dirs=["."],
        # The interpreter's structures are part of this module; the stable ABI hides them.
        define_macros=[(name, None) for name in ("_CFFI_NO_LIMITED_API", *macros)],
        py_limited_api=False,
        extra_compile_args=flags(target()),
    )
    return ffi


ffibuilder = builder()

if __name__ == "__main__":
    how = ["--verbose"] if "-v" in sys.argv else ["--quiet"]
    subprocess.run(
        [sys.executable, "setup.py", *how, "build_ext", "--inplace"], cwd=HERE, check=True
    )
