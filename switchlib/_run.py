"""`python -m switchlib run`: a program in which `import greenlet` yields switchlib."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from importlib import metadata

from switchlib._install import SHIM_DIRECTORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

# Calls an entry point as its console script would.
CALL = """\
import sys
from importlib.metadata import EntryPoint
sys.argv[0] = {name!r}
sys.exit(EntryPoint({name!r}, {value!r}, "console_scripts").load()())
"""


def options_of(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Takes our own options off the arguments: the environment variables that they stand for,
    and the rest.

    Raises ValueError if an option's value is missing or wrong, OSError if the timeline cannot be
    written.
    """
    environment: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].partition("=")[0] in ("--timeline", "--slow"):
        option, equals, value = rest.pop(0).partition("=")
        if not equals:
            if not rest:
                raise ValueError(f"{option} needs a value")
            value = rest.pop(0)
        if option == "--timeline":
            from switchlib import _timeline

            path = os.path.abspath(value)
            _timeline.writer_of(path)
            _timeline.check_writable(path)
            environment["SWITCHLIB_TIMELINE"] = path
        else:
            if not (value.isdecimal() and int(value) > 0):
                raise ValueError(f"--slow needs a number of milliseconds, not {value!r}")
            if sys.implementation.name == "pypy":
                raise ValueError("--slow needs CPython")
            environment["SWITCHLIB_SLOW"] = value
    return environment, rest


def environment_with_shim() -> dict[str, str]:
    """The environment variables of this process with the shim first on PYTHONPATH."""
    others = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return os.environ | {"PYTHONPATH": os.pathsep.join([SHIM_DIRECTORY, *others])}


def run(arguments: list[str], environment: dict[str, str] | None = None) -> NoReturn:
    """Become `python ARGUMENTS` with the shim first on PYTHONPATH, for it and for all its children.

    This starts a fresh interpreter, so that arguments, exit status, `__main__` and tracebacks are
    Python's own. A console script of this environment may be named instead of a file. More
    environment variables may be given. Raises
    RuntimeError if there is neither, or if this interpreter ignores PYTHONPATH, or if the new one
    would, because of the arguments.
    """
    if sys.flags.ignore_environment or ignore_environment(arguments):
        raise RuntimeError(
            "the shim is found by PYTHONPATH, which the options -E and -I tell Python to ignore"
        )
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    command = [sys.executable, *flags, *arguments]
    if is_name(arguments[0]):
        command = console_script(arguments[0], [sys.executable, *flags]) + arguments[1:]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment_with_shim() | (environment or {}))


def ignore_environment(arguments: list[str]) -> bool:
    """Whether `python ARGUMENTS` has -E or -I among the options before the program,
    alone or with other letters.
    """
    rest = iter(arguments)
    for argument in rest:
        if argument in ("--check-hash-based-pycs", "--jit"):  # the latter is PyPy's
            next(rest, None)
        elif argument in ("-", "--") or not argument.startswith("-"):
            return False
        elif not argument.startswith("--"):
            # What follows the letters c and m is the program, and W and X have a value,
            # in this argument or the next.
            flags, last, value = re.findall("-([^cmWX]*)(.?)(.*)", argument, re.DOTALL)[0]
            if "E" in flags or "I" in flags:
                return True
            if last in ("c", "m"):
                return False
            if last and not value:
                next(rest, None)
    return False


def is_name(program: str) -> bool:
    """Whether the argument in the place of a script is a bare name,
    and not an option or a file that Python can run.
    """
    runs = os.path.isfile(program) or os.path.exists(os.path.join(program, "__main__.py"))
    return not (program.startswith("-") or os.path.dirname(program) or runs)


def console_script(name: str, python: list[str]) -> list[str]:
    """The command that runs the console script of that name,
    with `python` if it is a program in Python.

    The script's file is preferred to its entry point,
    since servers use `sys.argv` to start themselves again.
    """
    entries = [entry for entry in _console_entry_points() if entry.name == name]
    for directory in script_directories():
        path = os.path.join(directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return [*python, path] if entries or is_python(path) else [path]
    for entry in entries:
        return [*python, "-c", CALL.format(name=name, value=entry.value)]
    raise RuntimeError(
        f"there is no file {name!r} here, and no console script of that name in "
        f"{', '.join(script_directories())}"
    )


def script_directories() -> list[str]:
    """The directories that have console scripts of this environment, the most likely one first."""
    user = f"{os.name}_user"
    found = [os.path.dirname(sys.executable), sysconfig.get_path("scripts")]
    if user in sysconfig.get_scheme_names() and not sys.flags.no_user_site:
        found.append(sysconfig.get_path("scripts", user))
    return list(dict.fromkeys(found))


def is_python(path: str) -> bool:
    """Whether a file begins like a Python script.

    If Python's path is long, pip's scripts start it by a shell.
    """
    with open(path, "rb") as file:
        first, second = file.readline(1024), file.readline(1024)
    return first.startswith(b"#!") and any(
        name in line for name in (b"python", b"pypy") for line in (first, second)
    )


def _console_entry_points() -> list[metadata.EntryPoint]:
    if sys.version_info >= (3, 10):
        return list(metadata.entry_points(group="console_scripts"))
    return metadata.entry_points().get("console_scripts", [])
