"""Tools that show the stack of a running program, once.

takes_turns.py is always in `leaf`, called by `branch`, in one of two greenlets; a third greenlet is
suspended in `waits`.
"""

from __future__ import annotations

import re

from tests.developer_tools.check import SOUGHT, Use, Wrong, check, require
from tests.developer_tools.checks.sampling import SAMPLING, attached

TIMES = 5


def in_order(printed: str, *names: str) -> None:
    """Raises Wrong unless the names are there, in this order."""
    pattern = ".*".join(rf"\b{name}\b" for name in names)
    require(re.search(pattern, printed, re.DOTALL), f"no {' and '.join(names)} in its output")


def dumps(use: Use, names: tuple[str, str], *command: str) -> None:
    """Most of several dumps have to show both functions, in the order in which the tool has
    them. A dump may fall between two greenlets, most of all on a busy machine.
    """
    wrong = []
    for _ in range(TIMES):
        try:
            in_order(attached(use, *command)[0], *names)
        except Wrong as problem:
            wrong.append(str(problem))
    require(len(wrong) < TIMES / 2, f"{len(wrong)} of {TIMES} dumps: {wrong[-1] if wrong else ''}")


INNERMOST_FIRST = SOUGHT, "branch"
INNERMOST_LAST = "branch", SOUGHT


@check("py-spy", "`py-spy dump`", "py-spy")
def py_spy(use: Use) -> None:
    dumps(use, INNERMOST_FIRST, "py-spy", "dump", "--pid")


@check("py-spy", "`py-spy dump --native`", "py-spy")
def py_spy_native(use: Use) -> None:
    dumps(use, INNERMOST_FIRST, "py-spy", "dump", "--native", "--pid")


@check("pystack", "`pystack remote`", "pystack")
def pystack(use: Use) -> None:
    dumps(use, INNERMOST_LAST, "pystack", "remote")


@check("pystack", "`pystack remote --native`", "pystack")
def pystack_native(use: Use) -> None:
    dumps(use, INNERMOST_LAST, "pystack", "remote", "--native")


@check("profiling.sampling", "`dump`", first_python=(3, 15))
def sampling(use: Use) -> None:
    dumps(use, INNERMOST_LAST, *SAMPLING, "dump")


@check(
    "sys.remote_exec",
    "a script that prints the stack and that of each suspended greenlet",
    first_python=(3, 14),
)
def remote_exec(use: Use) -> None:
    use.program("takes_turns.py", "remote_script.py")
    script, found = use.directory / "remote_script.py", use.directory / "found"
    script.write_text(script.read_text().replace("FOUND", repr(str(found))))
    code = f"import sys; sys.remote_exec(int(sys.argv[1]), {str(script)!r})"
    with use.start(use.python("takes_turns.py", "3")) as program:
        program.until("ready")
        use.run(use.near(program, [*use.python("-c", code), program.pid]))
        program.until("the end")
        program.end()
    require(found.exists(), "the script did not run")
    in_order(found.read_text(), "current", "branch", SOUGHT, "suspended", "waits")
