"""The cffi builder of switchlib._switch: `python build_switch.py` builds it in place, setup.py by its name."""

import platform
import sys
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
SOURCES = ["asm/asm.c", *sorted(str(path.relative_to(HERE)) for path in (HERE / "csrc").rglob("*.c"))]

PREAMBLE = """
#include "csrc/coroutine.h"
#include "csrc/stack.h"
#include "csrc/mechanism.h"
#include "asm/asm.h"

static const char *switchlib_abi_name(void) { return switchlib_abi; }
"""

FLAGS = ["-std=gnu11", "-O2", "-fvisibility=hidden"]
if platform.machine() in ("x86_64", "i386", "i686", "AMD64"):
    FLAGS.append("-fcf-protection=none")  # a shadow stack knows one order of returns, stack slices have many

ffibuilder = FFI()
ffibuilder.cdef((HERE / "csrc" / "switch.cdef.h").read_text())
ffibuilder.set_source(
    "switchlib._switch",
    PREAMBLE,
    sources=SOURCES,
    depends=[str(path.relative_to(HERE)) for folder in ("asm", "csrc") for path in (HERE / folder).rglob("*.h")],
    include_dirs=["."],
    # The interpreter's structures are part of this module; the stable ABI hides them.
    define_macros=[("_CFFI_NO_LIMITED_API", None)],
    py_limited_api=False,
    extra_compile_args=FLAGS,
)

if __name__ == "__main__":
    ffibuilder.compile(tmpdir=str(HERE), verbose="-v" in sys.argv)
