"""The cffi builder of `_stack`: the register switch, the stack layer and what drives them,
and nothing of CPython.
"""

from __future__ import annotations

import platform
from pathlib import Path

from cffi import FFI

from build_switch import flags

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ["asm/asm.c", "csrc/stack.c", "tests/stack/coroutine.c", "tests/stack/unwind.c"]
OURS = ["tests/stack/coroutine.h", "tests/stack/unwind.h"]


def stack_flags(machine: str) -> list[str]:
    """As for the library; some compilers leave unwinders to chance unless they are told."""
    return [*flags(machine), "-funwind-tables"]


def declarations(header: str) -> str:
    """The header as cffi reads it: without what is for the preprocessor."""
    lines = (ROOT / header).read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def builder() -> FFI:
    ffi = FFI()
    for header in ("csrc/stack.cdef.h", *OURS):
        ffi.cdef(declarations(header))
    ffi.set_source(
        "_stack",
        "".join(f'#include "{header}"\n' for header in ("asm/asm.h", "csrc/stack.h", *OURS)),
        sources=[str(ROOT / source) for source in SOURCES],
        include_dirs=[str(ROOT)],
        extra_compile_args=stack_flags(platform.machine()),
    )
    return ffi
