"""`python -m switchlib ps`, `tree`, `dump` and `top`."""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import json
import sys
from collections.abc import Iterable
from typing import Any

from . import render, top
from .errors import IntrospectionError
from .process import Process
from .reader import observe, read_core
from .shown import shown

HELP = {
    "ps": "list the greenlets of a running process, or of a core file",
    "tree": "show its greenlets by their parents",
    "dump": "print the stacks of all its greenlets",
    "top": "watch which of its greenlets run",
}
INTERVAL, LONGEST_INTERVAL = 0.02, 3600.0


def add_commands(commands: Any) -> None:
    """Adds the four commands to argparse's subparsers."""
    for name, text in HELP.items():
        parser = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ". No code runs in it.",
        )
        parser.add_argument("pid", nargs="?", type=int, metavar="PID")
        parser.add_argument("--json", action="store_true", help="print JSON")
        if name == "top":
            parser.add_argument(
                "-n", type=_count, default=0, metavar="N", help="end after N screens"
            )
            parser.add_argument(
                "--interval",
                type=_seconds,
                default=INTERVAL,
                metavar="SECONDS",
                help=f"between two readings, default {INTERVAL}; a screen is {top.READINGS}",
            )
        else:
            parser.add_argument("--core", metavar="FILE", help="read a core file")
        if name == "dump":
            parser.add_argument(
                "--group", action="store_true", help="print equal stacks once, with their number"
            )
        parser.add_argument(
            "--nonblocking",
            action="store_true",
            help="do not stop the process: read it several times, and mark what differed",
        )


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= LONGEST_INTERVAL:
        raise ValueError
    return number


def main(arguments: argparse.Namespace, prog: str) -> int:
    """Runs one of the commands; returns the exit status."""
    core = getattr(arguments, "core", None)
    try:
        if (arguments.pid is None) == (core is None):
            raise IntrospectionError("give the number of a process, or --core FILE")
        if core is None and not sys.platform.startswith("linux"):
            raise IntrospectionError("processes can be read on Linux only so far")
        if arguments.command == "top":
            print_screens(arguments)
            return 0
        gc.disable()  # millions of objects may be made, of which none is garbage
        if core is not None:
            text, notes = read_core(core, lambda found: printed(found, arguments, core))
        else:
            source = f"process {arguments.pid}"
            text, notes = observe(
                arguments.pid,
                lambda found: printed(found, arguments, source),
                hold=not arguments.nonblocking,
            )
    except IntrospectionError as error:
        print(f"{prog} {arguments.command}: {shown(str(error))}", file=sys.stderr)
        return 1
    print(text)
    for note in notes:
        print(f"Not read: {shown(note)}", file=sys.stderr)
    return 0


def printed(found: Process, arguments: argparse.Namespace, source: str) -> tuple[str, list[str]]:
    """What a command other than top prints, and notes about what could not be read."""
    command = arguments.command
    if arguments.json:
        return json.dumps(render.as_json(found, frames=command == "dump")), []
    lines: Iterable[str]
    if command == "ps":
        lines = render.ps(found)
    elif command == "tree":
        lines = render.tree(found)
    else:
        lines = render.dump(found, arguments.group)
    text = "\n".join(map(shown, [render.summary(found, source), "", *lines]))
    return encodable(text), found.notes


def print_screens(arguments: argparse.Namespace) -> None:
    """Prints screens until -n is reached, the process ends or Ctrl-C is pressed."""
    source = f"process {arguments.pid}"
    hold = not arguments.nonblocking
    screens = top.screens(arguments.pid, arguments.interval, hold)
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(screens):
        for screen in itertools.islice(screens, arguments.n or None):
            if arguments.json:
                print(json.dumps(screen.as_json()), flush=True)
                continue
            if sys.stdout.isatty():
                print("\x1b[H\x1b[2J", end="")
            lines = map(shown, screen.lines(source))
            print(encodable("\n".join(lines)), end="\n\n", flush=True)
            if screen.has_ended:
                print(f"{source} has ended, or runs another program now")


def encodable(text: str) -> str:
    """The text with escapes for what the terminal cannot show."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
