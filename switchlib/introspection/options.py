"""The options of `python -m switchlib ps`, `tree`, `dump` and `top`.

They are apart from cli.py, since all commands parse them, and few read a process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

HELP = {
    "ps": "list the greenlets of a running process, or of a core file",
    "tree": "show its greenlets by their parents",
    "dump": "print the stacks of all its greenlets",
    "top": "watch which of its greenlets run",
}
INTERVAL, LONGEST_INTERVAL = 0.02, 3600.0
READINGS = 50  # for a screen of top


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
                help=f"between two readings, default {INTERVAL}; a screen is {READINGS}",
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
