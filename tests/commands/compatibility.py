"""`python -m tests.commands.compatibility`: writes docs/compatibility.md from what
greenlet and switchlib have here.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

from switchlib._install import SHIM_DIRECTORY
from tests.upstream import VERSION
from tests.upstream.__main__ import FAILURES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"

# Prints the public names of `greenlet` as this interpreter finds it, as JSON.
LIST_NAMES = """
import json, sys
sys.path[:0] = sys.argv[1:]
import greenlet, greenlet._greenlet
def public(thing, ignored):
    names = set(dir(thing)) - ignored
    special = '__init__', '__bool__', '__repr__', '__dict__', '__getstate__', '__version__'
    return sorted(name for name in names if not name.startswith('__') or name in special)
modules = {'__builtins__', 'sys', 'tests', 'platform', '_greenlet', 'annotations'}
of_object = set(dir(object)) - {'__init__', '__repr__', '__getstate__'}
print(json.dumps({
    'greenlet': public(greenlet, modules),
    'greenlet._greenlet': public(greenlet._greenlet, modules),
    'greenlet.greenlet': public(greenlet.greenlet, of_object),
}))
"""

C_API = [
    *(
        "PyGreenlet_Type",
        "PyExc_GreenletError",
        "PyExc_GreenletExit",
        "PyGreenlet_New",
        "PyGreenlet_GetCurrent",
    ),
    *(
        "PyGreenlet_Throw",
        "PyGreenlet_Switch",
        "PyGreenlet_SetParent",
        "PyGreenlet_MAIN",
        "PyGreenlet_STARTED",
    ),
    *("PyGreenlet_ACTIVE", "PyGreenlet_GET_PARENT"),
]

# What greenlet has on some versions of CPython only.
SOMETIMES = {
    "greenlet._greenlet": [] if sys.version_info < (3, 13) else ["get_tstate_trash_delete_nesting"]
}

REMARKS = {
    "greenlet.enable_optional_cleanup": (
        "better",
        "there is nothing to search for; the setting is only stored",
    ),
    "greenlet.get_clocks_used_doing_optional_cleanup": (
        "better",
        "0 (None while disabled), since nothing has to be cleaned up",
    ),
    "greenlet._greenlet.get_pending_cleanup_count": (
        "same",
        "counts the greenlets that wait to be killed in their own thread; a thread that ends "
        "leaves none behind",
    ),
    "greenlet._greenlet.get_tstate_trash_delete_nesting": (
        "same",
        "only before CPython 3.13, like greenlet's",
    ),
    "greenlet._greenlet.UnswitchableGreenlet": (
        "absent",
        "it exists only for greenlet's own tests, which make switches fail or the process abort "
        "with it; `tests.upstream` gives these tests one of its own",
    ),
    "greenlet.greenlet._stack_saved": (
        "better",
        "fewer bytes: a new stack begins exactly below its starter's last byte, so nothing of the "
        "main greenlet has to be saved for it",
    ),
    "greenlet.greenlet.switch": (
        "better",
        "if there is no memory for the copy of a stack, the caller gets a MemoryError, and every "
        "greenlet is as it was; greenlet ends the process",
    ),
    "greenlet.greenlet.parent": (
        "better",
        "killing a greenlet never leaves a cycle of parents behind",
    ),
}


REST = """\
## greenlet's own tests

`python -m tests.upstream` runs greenlet's tests, unchanged, with the shortcuts on and off. Tests
that greenlet marks with `fails_leakcheck` expect a leak. They fail here because nothing leaks,
and count as passed. On PyPy, tests that need reference counts, compiled modules or a C stack are
left out; `tests/upstream/pypy.py` lists them with the reasons. These tests do not pass:

{exceptions}

## Apart from the names

- **Names**: once `greenlet` has been imported and is switchlib, classes and functions have
  greenlet's names and are pickled under them. Where only `switchlib` was imported, the classes
  are `switchlib.greenlet`, `switchlib.error` and `switchlib.GreenletExit`. The `repr` of a
  greenlet says `greenlet.greenlet` everywhere.
- **The class**: `greenlet.__mro__` has one more class, the builtin base. The class also has a
  `__del__`, its finaliser. Calling it kills a suspended greenlet.
- **Keywords** of `switch` must be strings.
- **Cycles** (better): a suspended greenlet that only its own `__dict__` or its own frames refer
  to is collected, on every version, and its `finally` blocks run ([which
  cycles](testing.md#cycles-through-frames)). greenlet collects cycles through frames on 3.15 only
  (there also where only a value on an evaluation stack keeps the greenlet alive), and runs no
  `finally` block. A class derived from `greenlet` that has a `__del__` of its own does not show
  its frames to the collector.
- **Tracers** (better): the tracer of a thread that has ended is freed.
- **Ancestors of another thread** (better): if a greenlet ends, and all of its ancestors belong to
  another thread, the main greenlet of its own thread gets an `error`. greenlet ends the process.
- **`sys.settrace` on CPython 3.12**: as with greenlet, if tracing begins while a greenlet is
  suspended, the lines of the calls that it is in are not reported.
- **Ended threads**: as with greenlet, a suspended greenlet whose thread has ended is dead, and
  its `finally` blocks do not run.
- **Not supported**: import in a subinterpreter, or on a free-threaded build, is an error that
  says so.
"""


def names(*path: str) -> dict[str, list[str]]:
    output = subprocess.run(
        [sys.executable, "-c", LIST_NAMES, *path], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, list[str]] = json.loads(output)
    return found


def page() -> str:
    """The text of the page.

    Raises if greenlet is not installed, or if names and remarks do not fit.
    """
    if importlib.metadata.version("greenlet") != VERSION:
        raise RuntimeError(f"greenlet {VERSION} must be installed")
    theirs, ours = names(), names(SHIM_DIRECTORY)
    remarks = dict(REMARKS)
    lines = [
        "# Compatibility",
        "",
        f"This page lists every public name of greenlet {VERSION}, and says how it is in "
        "switchlib:",
        "*same*, *better* (and how), or *absent* (and why). `python -m "
        "tests.commands.compatibility`",
        "writes it from both packages. A test fails if it is out of date.",
    ]
    for where, expected in theirs.items():
        lines += ["", f"## `{where}`", "", "| name | | |", "|---|---|---|"]
        missing = SOMETIMES.get(where, [])
        for name in sorted([*expected, *missing]):
            verdict, text = remarks.pop(f"{where}.{name}", ("same", ""))
            if (verdict == "absent" or name in missing) is (name in ours[where]):
                raise RuntimeError(
                    f"{where}.{name} is {'there' if name in ours[where] else 'absent'}"
                )
            lines.append(f"| `{name}` | {verdict} | {text} |")
    if remarks:
        raise RuntimeError(f"greenlet has no {', '.join(remarks)}")
    lines += ["", "## The C API, `greenlet._C_API`", "", "| entry | name | |", "|---|---|---|"]
    lines += [f"| {place} | `{name}` | same |" for place, name in enumerate(C_API)]
    exceptions = "\n".join(
        f"- {', '.join(filter(None, [f'`{each.test}`', each.where]))}: {each.reason}."
        for each in FAILURES
    )
    lines += ["", REST.format(exceptions=exceptions)]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
