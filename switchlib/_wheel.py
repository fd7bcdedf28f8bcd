"""`python -m switchlib wheel`: a distribution named greenlet that is switchlib,
for installers and lock files.

Its version is greenlet's, with switchlib's as the local part. The requirements `greenlet>=3`,
`==3.5.6` and `~=3.5` accept this version, and no index has it. The wheel requires exactly the
switchlib that made it, so `pip check` reports when the two no longer fit. The same switchlib makes
the same bytes every time, so a lock file can pin the hash.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import re
import struct
import sys
import sysconfig
import zipfile
from pathlib import Path

from switchlib import __version__
from switchlib._install import SHIM_DIRECTORY

GREENLET_VERSION = "3.5.6"
VERSION = f"{GREENLET_VERSION}+switchlib.{re.sub('[^a-z0-9]+', '.', __version__.lower())}"

METADATA = f"""\
Metadata-Version: 2.1
Name: greenlet
Version: {VERSION}
Summary: The interface of greenlet {GREENLET_VERSION}, provided by switchlib
License: MIT
Requires-Dist: switchlib (=={__version__})

This is not the greenlet of https://pypi.org/project/greenlet/, but takes its place.
`python -m switchlib wheel` made it. To go back:
`pip install --force-reinstall --no-deps greenlet=={GREENLET_VERSION}`.
"""

CPYTHON = platform.python_implementation() == "CPython"

# PyPy has a greenlet of its own in its standard library, which comes before what is installed.
ASIDE = "greenlet_switchlib"
PUT_ASIDE_FIRST = (
    "import os, sys; sys.path.insert(0, os.path.join(sys._getframe(1).f_locals['sitedir'], "
    f"'{ASIDE}'))\n"
)


def tag() -> str:
    """The interpreters and platforms that the wheel is for: the last three parts of its name."""
    kind, version, *_ = str(sysconfig.get_config_var("SOABI")).split("-")
    # "cpython-311-x86_64-linux-gnu" or "pypy39-pp73"
    abi = f"cp{version}" if CPYTHON else f"{kind}_{version}"
    machine = re.sub("[^a-z0-9]", "_", sysconfig.get_platform().lower())
    if struct.calcsize("P") == 4:  # where the kernel has 64 bits
        machine = {"linux_x86_64": "linux_i686", "linux_aarch64": "linux_armv7l"}.get(
            machine, machine
        )
    return f"{'cp' if CPYTHON else 'pp'}{sys.version_info[0]}{sys.version_info[1]}-{abi}-{machine}"


def contents() -> dict[str, bytes]:
    """The files of the package, with the header where greenlet's wheel has it.

    RuntimeError if one is missing.
    """
    package = Path(SHIM_DIRECTORY, "greenlet")
    init = (package / "__init__.py").read_bytes()
    if not CPYTHON:
        in_python = (package / "_greenlet.py").read_bytes()
        return {
            f"{ASIDE}/greenlet/__init__.py": init,
            f"{ASIDE}/greenlet/_greenlet.py": in_python,
            f"{ASIDE}.pth": PUT_ASIDE_FIRST.encode(),
        }
    extension = package / f"_greenlet{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not extension.exists():
        raise RuntimeError(f"switchlib was not built for this interpreter: there is no {extension}")
    header = (package / "greenlet.h").read_bytes()
    return {
        "greenlet/__init__.py": init,
        f"greenlet/{extension.name}": extension.read_bytes(),
        "greenlet/greenlet.h": header,
        f"greenlet-{VERSION}.data/headers/greenlet.h": header,
    }


def write(directory: str) -> str:
    """Writes the wheel into a directory, which is created if it is missing;
    returns the wheel's path.
    """
    information = f"greenlet-{VERSION}.dist-info"
    pure = str(not CPYTHON).lower()
    files = contents() | {
        f"{information}/METADATA": METADATA.encode(),
        f"{information}/WHEEL": (
            "Wheel-Version: 1.0\n"
            f"Generator: switchlib {__version__}\n"
            f"Root-Is-Purelib: {pure}\n"
            f"Tag: {tag()}\n"
        ).encode(),
    }
    record = [f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items()]
    files[f"{information}/RECORD"] = "".join([*record, f"{information}/RECORD,,\n"]).encode()
    path = os.path.join(directory, f"greenlet-{VERSION}-{tag()}.whl")
    os.makedirs(directory, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)  # always dated 1980, so that the bytes are the same
            entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
