"""What `python -m switchlib ps`, `tree`, `dump` and `top` do."""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import json
import sys
from collections.abc import Iterable

from . import render, top
from .errors import IntrospectionError
from .process import Process
from .reader import observe, read_core
from .shown import shown


def main(arguments: argparse.Namespace, prog: str) -> int:
    """Runs one of the commands; returns the exit status."""
    core = getattr(arguments, "core", None)
    try:
        if (arguments.pid is None) == (core is None):
            raise IntrospectionError("give the number of a process, or --core FILE")
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
