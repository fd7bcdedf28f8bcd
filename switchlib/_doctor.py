"""`python -m switchlib doctor`: which greenlet a program that is started from here gets,
and what is wrong.

It does not guess, but tries. A fresh interpreter with the same environment imports greenlet,
and reports what it got. Another one does the same as `python -m switchlib run` would start it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass, field

from switchlib import __version__, _install, _mechanism, _run, _wheel

# Prints as JSON what a program finds. It must not import switchlib itself.
PROBE = """
import importlib.metadata, importlib.util, json, sys, warnings
found = {"early": "greenlet" in sys.modules}
try:  # where greenlet is, in case its import fails
    spec = importlib.util.find_spec("greenlet")
    found["file"] = str(spec.origin or [*spec.submodule_search_locations][0]) if spec else ""
except Exception:
    pass
try:
    import greenlet
    found["file"] = str(getattr(greenlet, "__file__", None) or found.get("file", ""))
    found["version"] = str(greenlet.__version__)
    found["ours"] = greenlet.greenlet is getattr(sys.modules.get("switchlib"), "greenlet", 0)
    found["size"] = getattr(greenlet.greenlet, "__basicsize__", 0)
except Exception as error:
    found["error"] = f"{type(error).__name__}: {error}"
found["installed"] = [
    (each.version, str(each.locate_file("")), (each.read_text("INSTALLER") or "").strip())
    for each in importlib.metadata.distributions(name="greenlet")
]
if importlib.util.find_spec("gevent"):
    found["gevent"] = importlib.metadata.version("gevent")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            import gevent, gevent.greenlet
            gevent.spawn(int).join()
            found["compiled"] = gevent.greenlet.Greenlet.__module__.endswith("_gevent_cgreenlet")
        except BaseException as error:
            found["gevent_error"] = f"{type(error).__name__}: {error}"
    faults = [str(each.message) for each in caught]
    found["size_changed"] = [message for message in faults if "size changed" in message]
print("\\n" + json.dumps(found))
"""


@dataclass(frozen=True)
class Installed:
    """An installed distribution named greenlet."""

    version: str
    directory: str
    installer: str

    @property
    def is_wheel(self) -> bool:
        """Whether it was installed from a wheel that switchlib wrote."""
        return "+switchlib." in self.version

    def __str__(self) -> str:
        by = f", by {self.installer}" if self.installer else ""
        what = "switchlib's wheel" if self.is_wheel else "not switchlib's wheel"
        return f"greenlet {self.version}{by}, in {self.directory}: {what}"


@dataclass
class Found:
    """What a fresh interpreter got when it imported greenlet, and gevent if it is installed."""

    early: bool = False
    """greenlet was imported before the program began."""
    version: str = ""
    file: str = ""
    """Known even if the import fails, as long as the module is found."""
    ours: bool = False
    size: int = 0
    error: str = ""
    installed: list[Installed] = field(default_factory=list)
    gevent: str = ""
    compiled: bool = False
    gevent_error: str = ""
    size_changed: list[str] = field(default_factory=list)

    def greenlet(self) -> str:
        library = "switchlib, as greenlet" if self.ours else "greenlet"
        got = f"no greenlet: {self.error}" if self.error else f"{library} {self.version}"
        return f"{got}, from {self.file}" if self.file else got


def ask(environment: dict[str, str]) -> Found:
    """What a fresh interpreter finds that has the options of this one."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    done = subprocess.run(
        [sys.executable, *flags, "-c", PROBE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        status = (
            f"exit status {done.returncode}"
            if done.returncode > 0
            else f"signal {-done.returncode}"
        )
        return Found(error=f"the interpreter ended with {status}: {done.stderr.strip()[-500:]}")
    answers = json.loads(done.stdout.splitlines()[-1])
    answers["installed"] = list(dict.fromkeys(Installed(*each) for each in answers["installed"]))
    return Found(**answers)


def on_path(environment: dict[str, str]) -> bool:
    return _install.SHIM_DIRECTORY in environment.get("PYTHONPATH", "").split(os.pathsep)


def is_shim(file: str) -> bool:
    return os.path.realpath(file).startswith(os.path.realpath(_install.SHIM_DIRECTORY) + os.sep)


def problems(here: Found, under_run: Found, environment: dict[str, str]) -> list[str]:
    """What keeps a program from running on switchlib, or may make it fail there."""
    faults = [*problems_of_the_path(environment), *problems_of_the_installed(here)]
    if sys.flags.ignore_environment:
        faults.append(
            "the options -E and -I make Python ignore PYTHONPATH, by which the shim is found: use "
            "the wheel that `python -m switchlib wheel` "
            f"writes{'' if here.early else ', or call switchlib.install()'}"
        )
    elif not under_run.ours and under_run.file and not is_shim(under_run.file):
        faults.append(
            f"{under_run.file} is found before anything on PYTHONPATH: rename it, or start from "
            "elsewhere"
        )
    elif under_run.error:
        faults.append(f"under `run` there is {under_run.greenlet()}")
    elif on_path(environment) and not here.ours and here.file:
        faults.append(
            f"the shim is on PYTHONPATH, but {here.file} is found before it: put the shim first"
        )
    if here.early and not here.ours:
        instead = ": use the shim or `python -m switchlib run`"
        faults.append(
            "greenlet is imported before a program begins (by a .pth file or sitecustomize), so "
            f"that switchlib.install() would come too late{instead if under_run.ours else ''}"
        )
    if under_run.gevent_error and not under_run.ours:
        faults.append(
            f"gevent {under_run.gevent} does not work on the greenlet that it gets: "
            f"{under_run.gevent_error}"
        )
    elif under_run.size_changed or "size changed" in under_run.gevent_error:
        faults.append(
            f"gevent {under_run.gevent} was compiled for a layout of greenlets other than that of "
            f"greenlet 3 ({under_run.size} bytes): install a current gevent"
        )
    elif under_run.gevent_error:
        faults.append(
            f"gevent {under_run.gevent} does not work on switchlib: {under_run.gevent_error}"
        )
    return faults


def notes(under_run: Found, environment: dict[str, str]) -> list[str]:
    """What works, but is slower than it could be."""
    noted = []
    if under_run.gevent and not under_run.gevent_error and not under_run.compiled:
        why = (
            "PURE_PYTHON is set"
            if environment.get("PURE_PYTHON")
            else "its compiled modules are not there"
        )
        noted.append(f"gevent runs in pure Python, which is slower, since {why}")
    if environment.get("SWITCHLIB_SHORTCUTS") == "0":
        noted.append("SWITCHLIB_SHORTCUTS=0: the policy is asked at every switch, which is slower")
    return noted


def problems_of_the_path(environment: dict[str, str]) -> list[str]:
    """Shims of another switchlib on PYTHONPATH.

    A start script may name one after an upgrade of Python.
    """
    own, faults = os.path.realpath(_install.SHIM_DIRECTORY), []
    for entry in environment.get("PYTHONPATH", "").split(os.pathsep):
        if (
            entry.rstrip(os.sep).endswith(os.path.join("switchlib", "shim"))
            and os.path.realpath(entry) != own
        ):
            fault = "belongs to another switchlib" if os.path.isdir(entry) else "is not there"
            faults.append(
                f"{entry} is on PYTHONPATH, but {fault}: this interpreter's is "
                f"{_install.SHIM_DIRECTORY}"
            )
    return faults


def problems_of_the_installed(here: Found) -> list[str]:
    """What does not fit between this switchlib and the distributions named greenlet."""
    faults = []
    wheels = [each for each in here.installed if each.is_wheel]
    others = [each for each in here.installed if not each.is_wheel]
    for wheel in wheels:
        if wheel.version != _wheel.VERSION:
            faults.append(
                f"the wheel in {wheel.directory} is greenlet {wheel.version}, which does not fit "
                f"switchlib {__version__}: install the wheel that `python -m switchlib wheel` "
                "writes now"
            )
        got_from = os.path.dirname(os.path.dirname(here.file))
        if not here.ours and got_from == wheel.directory:
            faults.append(
                f"the greenlet in {wheel.directory} is not switchlib's any more, although its "
                "wheel was installed there: run `pip uninstall greenlet` until none is left, and "
                "install the wheel again"
            )
    newer = [each for each in others if _minor(each.version) > _minor(_wheel.GREENLET_VERSION)]
    if newer:
        faults.append(
            f"greenlet {newer[0].version} is installed, but switchlib's interface is that of "
            f"{_wheel.GREENLET_VERSION}: programs that need a newer one may fail"
        )
    return faults


def _minor(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(number) for number in re.findall("[0-9]+", version)[:2])


def _stack_switch() -> str:
    """How stacks are switched here, and whether shortcuts are on."""
    stacks = f"the stacks of {platform.python_implementation()}"
    if importlib.util.find_spec("switchlib._switch") is not None:
        from switchlib import _switch

        stacks = f"ABI {_switch.ffi.string(_switch.lib.switchlib_abi).decode()}"
    return f"{stacks}, shortcuts {'on' if _mechanism.shortcuts(None) else 'off'}"


def conclusion(here: Found, under_run: Found) -> str:
    """Whether a program that is started from here runs on switchlib; if not,
    what would make it do so.
    """
    if here.ours:
        return "A program that is started from here runs on switchlib."
    replaced = ""
    if here.installed and not here.installed[0].is_wheel:
        by = here.installed[0].installer or "an installer"
        replaced = (
            f"was installed, {by} has put\ngreenlet {here.installed[0].version} in its place."
        )
    if under_run.ours:
        return (
            "A program that is started from here does not run on switchlib. It would with one of "
            "these:\n"
            "    python -m switchlib run PROGRAM\n"
            f"    PYTHONPATH={_install.SHIM_DIRECTORY}"
        ) + (
            f"\nor with the wheel that `python -m switchlib wheel` writes. If that {replaced}"
            if replaced
            else ""
        )
    verdict = (
        "A program that is started from here does not run on switchlib, nor would it with `run`: "
        "see above."
    )
    if sys.flags.ignore_environment and replaced:
        return f"{verdict}\nIf the wheel {replaced}"
    return verdict


def main() -> int:
    """Print the report.

    Returns 0 if a program that is started from here runs on switchlib, with no problem.
    """
    environment = dict(os.environ)
    here = ask(environment)
    under_run = here if here.ours else ask(_run.environment_with_shim())
    lines = [
        (
            "interpreter",
            f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}",
        ),
        ("switchlib", f"{__version__}, {_stack_switch()}, {os.path.dirname(__file__)}"),
        ("from here", here.greenlet()),
    ]
    if not here.ours:
        lines.append(("under run", under_run.greenlet()))
    lines += [("installed", str(each)) for each in here.installed]
    if under_run.gevent and not under_run.gevent_error:
        kind = "compiled" if under_run.compiled else "pure Python"
        by = "switchlib" if under_run.ours else f"greenlet {under_run.version}, not on switchlib"
        how = ", under `run`" if under_run.ours and not here.ours else ""
        lines.append(
            (
                "gevent",
                f"{under_run.gevent}, {kind}: a greenlet of its own ran and ended on {by}{how}",
            )
        )
    for label, text in lines:
        print(f"{label:<13}{text}")
    faults = problems(here, under_run, environment)
    for problem in faults:
        print(f"{'problem':<13}{problem}")
    for note in notes(under_run, environment):
        print(f"{'note':<13}{note}")
    print(f"\n{conclusion(here, under_run)}")
    return 0 if here.ours and not faults else 1
