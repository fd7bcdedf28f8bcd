"""The build of switchlib: what is not in pyproject.toml,
which is what is compiled and a word on what is missing.
"""

import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError


class BuildSwitch(build_ext):
    """Says what is missing before the compiler, or the lack of one, says something longer."""

    def build_extensions(self) -> None:
        compiler = self.compiler.compiler_so[0]
        if shutil.which(compiler) is None:
            raise BaseError(
                f"switchlib is built from C, and there is no C compiler here: {compiler!r} was not "
                "found. Install gcc or clang (Debian: apt-get install gcc), or set CC."
            )
        header = Path(sysconfig.get_path("include")) / "Python.h"
        if not header.exists():
            raise BaseError(
                "switchlib is built from C, and Python's headers are not here: there is no "
                f"{header}. Install them (Debian: apt-get install python3-dev)."
            )
        try:
            super().build_extensions()
        except BaseError as failure:
            raise BaseError(
                f"switchlib could not be compiled for {platform.python_implementation()} "
                f"{platform.python_version()} on {platform.machine()}. For a CPython version or a "
                f"CPU that it does not know, an #error above says what to write: {failure}"
            ) from failure


on_cpython = platform.python_implementation() == "CPython"
if on_cpython and sys.version_info < (3, 10):
    raise SystemExit(
        f"switchlib needs CPython 3.10, or PyPy 3.9; this is CPython {platform.python_version()}"
    )
SHIM = Extension(
    "switchlib.shim.greenlet._greenlet",
    ["csrc/shim/greenlet.c"],
    extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden"],
)
setup(
    cffi_modules=["build_switch.py:ffibuilder"] if on_cpython else [],  # elsewhere it is all Python
    ext_modules=[SHIM] if on_cpython else [],
    cmdclass={"build_ext": BuildSwitch},
)
