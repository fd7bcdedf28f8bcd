"""The command line of switchlib."""

from __future__ import annotations

import argparse
import os
import sys

from switchlib import __version__, _install


def main(argv: list[str] | None = None) -> int:
    """Run the command that the arguments name; returns the exit status.

    It is 1 if the reader of the output, such as `head`, stops before the end.
    """
    try:
        try:
            return command(sys.argv[1:] if argv is None else argv)
        finally:
            print(end="", flush=True)  # here, where it can be caught
    except BrokenPipeError:
        # Python will flush again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def prog() -> str:
    """The command by which this was started, for messages."""
    return "switchlib" if os.path.basename(sys.argv[0]) == "switchlib" else "python -m switchlib"


def command(arguments: list[str]) -> int:
    """The same, except that BrokenPipeError may come out."""
    parser = argparse.ArgumentParser(
        prog=prog(), description="Run programs on switchlib, and see what they get."
    )
    parser.add_argument("--version", action="version", version=f"switchlib {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    demo = commands.add_parser(
        "demo", help="two greenlets take turns; their stacks are drawn at each step"
    )
    demo.add_argument(
        "--svg",
        metavar="PATH",
        help="draw the pictures, too: into FILE.svg, or one for each step into a directory",
    )
    run = commands.add_parser(
        "run",
        help="run a program in which `import greenlet` yields switchlib",
        usage=f"{prog()} run [--timeline FILE] [--slow MILLISECONDS] "
        "(-m MODULE | -c COMMAND | SCRIPT | NAME) [ARGUMENT ...]",
        epilog="NAME is a console script of this environment, such as gunicorn. --timeline "
        "records what greenlets do, in a file that ui.perfetto.dev opens: .pftrace or .json. "
        "--slow reports greenlets that run so long without a switch while others wait, with their "
        "stacks. Both print figures at the end.",
        add_help=False,
    )
    run.add_argument("program", nargs=argparse.REMAINDER)
    commands.add_parser(
        "shim", help="print a directory that does the same if it is the first on PYTHONPATH"
    )
    wheel = commands.add_parser(
        "wheel",
        help="write a wheel that pip and uv install in greenlet's place, for images and lock files",
    )
    wheel.add_argument(
        "directory", nargs="?", default=".", metavar="DIRECTORY", help="where to; by default here"
    )
    commands.add_parser(
        "doctor",
        help="report which greenlet a program that is started from here gets, and what is wrong",
    )
    if arguments[:1] == ["run"] and arguments[1:2] in (["-h"], ["--help"]):
        run.print_help()
        return 0
    if arguments[:1] == ["run"] and len(arguments) > 1:
        return _run_program(arguments[1:])  # the rest is the program's, options and all

    from switchlib._report import cli as report  # not before: `run` does not need them
    from switchlib.introspection import options

    options.add_commands(commands)
    report.add_command(commands)
    parsed = parser.parse_args(arguments)
    chosen = parsed.command
    if chosen == "demo":
        return _show_demo(parsed.svg)
    if chosen == "shim":
        print(_install.SHIM_DIRECTORY)
    elif chosen == "wheel":
        return _write_wheel(parsed.directory)
    elif chosen == "doctor":
        from switchlib import _doctor

        return _doctor.main()
    elif chosen in options.HELP:
        from switchlib.introspection import cli

        return cli.main(parsed, prog())
    elif chosen == "report":
        return report.main(parsed, prog())
    else:
        run.error("name a program to run")
    return 0


def _show_demo(svg: str | None) -> int:
    from switchlib import demo

    try:
        demo.main(svg=svg)
    except BrokenPipeError:  # its reader has ended: nothing to report
        raise
    except (OSError, RuntimeError) as error:
        print(f"{prog()} demo: {error}", file=sys.stderr)
        return 1
    return 0


def _write_wheel(directory: str) -> int:
    from switchlib import _wheel

    try:
        path = _wheel.write(directory)
    except (OSError, RuntimeError) as error:
        print(f"{prog()} wheel: {error}", file=sys.stderr)
        return 1
    print(path)
    return 0


def _run_program(arguments: list[str]) -> int:
    from switchlib import _run

    try:
        environment, program = _run.options_of(arguments)
        if not program:
            raise RuntimeError("name a program to run")
        _run.run(program, environment)
    except (RuntimeError, ValueError, OSError) as error:
        print(f"{prog()} run: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
