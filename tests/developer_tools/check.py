"""What a check is: a tool, what is done with it, and a function that judges the result."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.developer_tools.environments import Environment

PROGRAMS = Path(__file__).resolve().parent / "programs"
SOUGHT = "leaf"
IN_CONTROL = {SOUGHT: "other", "Holder": "Another", "00_000)": "0_000)"}
"""What is replaced in the programs: the names of a function and a class, and how much is
allocated.
"""

SECONDS = 120


class Wrong(Exception):
    """What a tool showed is not what the program did."""


def expect(what: str, found: object, expected: object) -> None:
    """Raises Wrong if the two differ."""
    if found != expected:
        raise Wrong(f"{what}: {found!r} instead of {expected!r}")


def require(condition: object, problem: str) -> None:
    """Raises Wrong with this problem if the condition is false."""
    if not condition:
        raise Wrong(problem)


@dataclass(frozen=True)
class Library:
    """One of the two libraries, and how a program gets it."""

    name: str
    variables: dict[str, str]
    before_program: tuple[str, ...]

    @property
    def shim(self) -> dict[str, str]:
        """Variables by which a plain `python` gets the library."""
        path = self.variables.get("PYTHONPATH")
        return {"PYTHONPATH": f"{path}/switchlib/shim:{path}"} if path else {}


@dataclass
class Use:
    """Runs programs and the tool in an environment, with one of the two libraries, in a directory
    of its own.
    """

    environment: Environment
    library: Library
    directory: Path
    control: bool = False
    """Whether the function that the judges look for has another name in the programs."""

    def program(self, *names: str) -> Path:
        """Copies programs into the directory; returns the path of the first."""
        for name in names:
            text = (PROGRAMS / name).read_text()
            if self.control:
                for sought, other in IN_CONTROL.items():
                    text = text.replace(sought, other)
            (self.directory / name).write_text(text)
        return self.directory / names[0]

    def python(self, *arguments: str) -> list[str]:
        """The command for Python with these arguments, on the library."""
        return self._within(str(self.environment.python), *self.library.before_program, *arguments)

    def tool(self, name: str, *arguments: str) -> list[str]:
        """The command for a program of the environment."""
        return self._within(str(self.environment.python.parent / name), *arguments)

    def near(self, program: Running, command: list[str]) -> list[str]:
        """The command, made by `python` or `tool`, for a tool that looks at a running program:
        where a root has been changed, it must have the program's view of the file system.
        """
        if self.environment.interpreter.root is None:
            return command
        enter = ("--mount", "--root", f"--wdns={self.directory}")
        return ["nsenter", "--target", program.pid, *enter, *command[command.index("--") + 1 :]]

    def _within(self, *command: str) -> list[str]:
        return self.environment.interpreter.within(*command)

    def variables(self, given: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return kept | {"PYTHONDONTWRITEBYTECODE": "1"} | self.library.variables | given

    def run(self, command: list[str], fine: tuple[int, ...] = (0,), /, **variables: str) -> str:
        """Runs a command to its end; returns what it printed. Raises Wrong if its exit status is
        none of those that are fine.
        """
        try:
            done = subprocess.run(
                command,
                cwd=self.directory,
                env=self.variables(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Wrong(f"it took longer than {SECONDS} s") from error
        if done.returncode not in fine:
            raise Wrong(how_it_ended(done.returncode, done.stdout))
        return done.stdout

    def start(self, command: list[str], **variables: str) -> Running:
        """Starts a command that goes on until the block is left."""
        return Running(command, self.directory, self.variables(variables))


class Running:
    """A program that runs while a `with` block does."""

    def __init__(self, command: list[str], directory: Path, variables: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # tools leave children, which hold the pipe open
        )
        self.limit = threading.Timer(SECONDS, self.kill)

    def __enter__(self) -> Running:
        self.limit.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.limit.cancel()
        self.kill()
        self.process.communicate()

    def kill(self) -> None:
        """Kills the program and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    @property
    def pid(self) -> str:
        return str(self.process.pid)

    def line(self) -> str:
        """The next line that it prints. Raises Wrong if it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Wrong(how_it_ended(self.process.wait(), ""))
        return line.rstrip("\n")

    def until(self, text: str) -> str:
        """What it prints, up to the line that has this text."""
        lines = [self.line()]
        while text not in lines[-1]:
            lines.append(self.line())
        return "\n".join(lines)

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> str:
        """Closes its input and waits for its end; returns what else it printed. Raises Wrong if
        it fails.
        """
        printed, _ = self.process.communicate()
        if self.process.returncode:
            raise Wrong(how_it_ended(self.process.returncode, printed))
        return printed


def how_it_ended(status: int, printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()] or [""]
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return f"{how}: {lines[-1][:200]}" if lines[-1] else how


@dataclass(frozen=True)
class Check:
    """A row of the table."""

    tool: str
    what: str
    judge: Callable[[Use], str | None]
    """Raises Wrong if the tool's result is wrong. What it returns is shown with the result."""
    packages: tuple[str, ...] = ()
    """What to install; the first has the version that is shown. A part of CPython has none."""
    first_python: tuple[int, int] = (3, 10)
    last_python: tuple[int, int] = (3, 99)
    note: str = ""
    version: tuple[str, ...] = ()
    """A command that prints the version of a tool of this machine, as the last word."""
    watches: bool = False
    """Whether it needs switchlib's watchers, which greenlet does not have."""
    absent: Callable[[Environment], str | None] = lambda environment: None
    """Why it cannot be run there, if it cannot."""

    def fits(self, version: Sequence[int]) -> bool:
        """Whether it is for this version of CPython."""
        return self.first_python <= tuple(version[:2]) <= self.last_python

    @property
    def name(self) -> str:
        return f"{self.tool}: {self.what}"


CHECKS: list[Check] = []


def by_tool() -> list[Check]:
    """All checks, in the order of the table: by tool, and then as they are written down."""
    return sorted(CHECKS, key=lambda each: each.tool.lower())


def check(
    tool: str,
    what: str,
    *packages: str,
    first_python: tuple[int, int] = (3, 10),
    last_python: tuple[int, int] = (3, 99),
    note: str = "",
    version: tuple[str, ...] = (),
    watches: bool = False,
    absent: Callable[[Environment], str | None] = lambda environment: None,
) -> Callable[[Callable[[Use], str | None]], Callable[[Use], str | None]]:
    """Makes a row of the table of a judge."""

    def add(judge: Callable[[Use], str | None]) -> Callable[[Use], str | None]:
        CHECKS.append(
            Check(
                tool,
                what,
                judge,
                packages,
                first_python,
                last_python,
                note,
                version,
                watches,
                absent,
            )
        )
        return judge

    return add
