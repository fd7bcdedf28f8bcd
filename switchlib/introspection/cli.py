"""`python -m switchlib ps`, `tree`, `dump` and `top`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from . import process, render
from .errors import IntrospectionError
from .process import CURRENT, Process

HELP = {
    "ps": "list the greenlets of a running process, or of a core file",
    "tree": "show its greenlets by their parents",
    "dump": "print the stacks of all its greenlets",
    "top": "watch which of its greenlets run",
}
INTERVAL, ROUNDS_OF_TOP = 0.02, 50


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
                "-n", type=int, default=0, metavar="N", help="end after N screens; default: never"
            )
            parser.add_argument(
                "--interval",
                type=float,
                default=INTERVAL,
                metavar="SECONDS",
                help=f"between two readings, default {INTERVAL}; a screen is {ROUNDS_OF_TOP}",
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
            help="do not stop the process: read it twice, and mark what differed",
        )


def main(arguments: argparse.Namespace, prog: str) -> int:
    """Runs one of the commands; returns the exit status."""
    core = getattr(arguments, "core", None)
    try:
        if (arguments.pid is None) == (core is None):
            raise IntrospectionError("give the number of a process, or --core FILE")
        if core is None and not sys.platform.startswith("linux"):
            raise IntrospectionError("processes can be read on Linux only so far")
        if arguments.command == "top":
            return top(arguments)
        if core is not None:
            process.read_core(core, lambda found: show(found, arguments, core))
        else:
            source = f"process {arguments.pid}"
            process.observe(
                arguments.pid,
                lambda found: show(found, arguments, source),
                hold=not arguments.nonblocking,
            )
    except IntrospectionError as error:
        print(f"{prog} {arguments.command}: {error}", file=sys.stderr)
        return 1
    return 0


def show(found: Process, arguments: argparse.Namespace, source: str) -> None:
    """Prints what a command other than top prints."""
    command = arguments.command
    if arguments.json:
        print(json.dumps(render.as_json(found, frames=command == "dump")))
        return
    lines: Iterable[str]
    if command == "ps":
        lines = render.ps(found)
    elif command == "tree":
        lines = render.tree(found)
    else:
        lines = render.dump(found, arguments.group)
    text = "\n".join(lines)
    print(render.summary(found, source), end="\n\n")
    print(
        text.encode(sys.stdout.encoding or "utf-8", "backslashreplace").decode(
            sys.stdout.encoding or "utf-8"
        )
    )
    for note in found.notes:
        print(f"Not read: {note}", file=sys.stderr)


def top(arguments: argparse.Namespace) -> int:
    """Prints screens until -n is reached, the process ends or Ctrl-C is pressed."""
    screens = 0
    try:
        while not arguments.n or screens < arguments.n:
            rows = _sample(arguments)
            screens += 1
            if arguments.json:
                print(json.dumps({"version": render.JSON_VERSION, "greenlets": rows}), flush=True)
                continue
            if sys.stdout.isatty():
                print("\x1b[H\x1b[2J", end="")
            cells = [
                [f"{row['seen']:.0%}", f"{row['id']:#x}", row["name"], row["thread"], row["at"]]
                for row in rows
            ]
            for line in render.table(
                ["SEEN", "GREENLET", "NAME", "THREAD", "MOST OFTEN AT"], cells, right=(0,)
            ):
                print(line)
            print(flush=True)
    except KeyboardInterrupt:
        pass
    return 0


def _sample(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The greenlets that were seen running, the most frequent first."""
    seen: Counter[int] = Counter()
    known: dict[int, tuple[str, str]] = {}
    places: dict[int, Counter[str]] = {}

    def count(found: Process) -> None:
        for thread in found.threads:
            if not thread.on_cpu:
                continue
            for each in thread.greenlets:
                if each.state == CURRENT and not each.changed:
                    seen[each.address] += 1
                    known[each.address] = (render.label(each), thread.name)
                    place = render.place(each)
                    places.setdefault(each.address, Counter())[place] += 1

    for _ in range(ROUNDS_OF_TOP):
        process.observe(arguments.pid, count, hold=not arguments.nonblocking)
        time.sleep(arguments.interval)
    return [
        {
            "id": address,
            "seen": number / ROUNDS_OF_TOP,
            "name": known[address][0],
            "thread": known[address][1],
            "at": places[address].most_common(1)[0][0],
        }
        for address, number in seen.most_common()
    ]
