"""`python -m switchlib report`."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from typing import Any

HELP = "write a page that shows the greenlets of a process, or a timeline"
FILE = "switchlib-report.html"


def add_command(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser(
        "report",
        help=HELP,
        description="Write one HTML file that shows the greenlets of a process, or a timeline. "
        "It needs no network: open it in a browser. No code runs in the process.",
    )
    parser.add_argument(
        "source",
        metavar="PID | FILE",
        help="a process, a core file, a timeline, or what `dump --json` printed",
    )
    parser.add_argument(
        "-o", "--output", default=FILE, metavar="FILE", help=f"the page, by default {FILE}"
    )
    parser.add_argument(
        "--nonblocking",
        action="store_true",
        help="do not stop the process: read it three times, and mark what differed",
    )


def main(arguments: argparse.Namespace, prog: str) -> int:
    """Runs the command; returns the exit status."""
    from switchlib.introspection.errors import IntrospectionError
    from switchlib.introspection.shown import shown

    from . import page, sources

    gc.disable()  # millions of objects may be made, of which none is garbage
    output = arguments.output
    try:
        content = sources.read(arguments.source, hold=not arguments.nonblocking)
        text = page.html_of(content)
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
    except IntrospectionError as error:
        print(f"{prog} report: {shown(str(error))}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{prog} report: {output} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    for note in content.notes:
        print(f"Not read: {shown(note)}", file=sys.stderr)
    print(os.path.abspath(output))
    return 0
