"""`python -m tests.commands.compatibility`: writes docs/compatibility.md from what greenlet and switchlib have here."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

from switchlib._install import SHIM_DIRECTORY
from tests.upstream.__main__ import EXPECTED, VERSION

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"

# Prints the public names of `greenlet` as this interpreter finds it, as JSON.
LIST_NAMES = """
import json, sys
sys.path[:0] = sys.argv[1:]
import greenlet, greenlet._greenlet
def public(thing, ignored):
    names = set(dir(thing)) - ignored
    return sorted(n for n in names if not n.startswith('__') or n in ('__init__', '__bool__', '__repr__', '__dict__',
                                                                      '__getstate__', '__version__'))
modules = {'__builtins__', 'sys', 'tests', 'platform', '_greenlet', 'annotations'}
print(json.dumps({
    'greenlet': public(greenlet, modules),
    'greenlet._greenlet': public(greenlet._greenlet, modules),
    'greenlet.greenlet': public(greenlet.greenlet, set(dir(object)) - {'__init__', '__repr__', '__getstate__'}),
}))
"""

C_API = [
    *("PyGreenlet_Type", "PyExc_GreenletError", "PyExc_GreenletExit", "PyGreenlet_New", "PyGreenlet_GetCurrent"),
    *("PyGreenlet_Throw", "PyGreenlet_Switch", "PyGreenlet_SetParent", "PyGreenlet_MAIN", "PyGreenlet_STARTED"),
    *("PyGreenlet_ACTIVE", "PyGreenlet_GET_PARENT"),
]

# What greenlet has on some versions of CPython only.
SOMETIMES = {"greenlet._greenlet": [] if sys.version_info < (3, 13) else ["get_tstate_trash_delete_nesting"]}

REMARKS = {
    "greenlet.enable_optional_cleanup": ("better", "cleaning up needs no search; the setting is kept"),
    "greenlet.get_clocks_used_doing_optional_cleanup": ("better", "always 0, since cleaning up costs nothing"),
    "greenlet._greenlet.get_pending_cleanup_count": (
        "same",
        "the greenlets that wait to die in their own thread; a thread's own end leaves nothing pending",
    ),
    "greenlet._greenlet.get_tstate_trash_delete_nesting": ("same", "only before CPython 3.13, like greenlet's"),
    "greenlet._greenlet.UnswitchableGreenlet": (
        "absent",
        "it exists only for greenlet's own tests, to make switches fail or the process abort; when they run here they "
        "bring their own",
    ),
    "greenlet.greenlet._stack_saved": (
        "better",
        "fewer bytes: a new stack begins exactly below its starter's last byte, so that the main greenlet need not "
        "be saved at all for it",
    ),
    "greenlet.greenlet.switch": (
        "better",
        "if there is no memory for the copy of a stack, the caller gets a MemoryError and every greenlet is as it was; "
        "greenlet ends the process",
    ),
    "greenlet.greenlet.parent": ("better", "killing a greenlet cannot leave a cycle of parents behind"),
}


REST = """\
## greenlet's own tests

`python -m tests.upstream` runs them, unchanged, with the shortcuts on and off. Those marked `fails_leakcheck` fail
where nothing leaks, and count as passed. On PyPy those that need reference counts, compiled modules or a C stack are
left out: `tests/upstream/pypy.py` lists them with their reasons. These do not pass:

{exceptions}

## Apart from the names

- Once `greenlet` has been imported and is switchlib, classes and functions have greenlet's names and are pickled under
  them. Where only `switchlib` was imported, the classes are `switchlib.greenlet`, `switchlib.error` and
  `switchlib.GreenletExit`. The `repr` of a greenlet says `greenlet.greenlet` everywhere.
- `greenlet.__mro__` has one more class, the builtin base.
- The class has a `__del__`, its finaliser: calling it kills a suspended greenlet.
- Keywords of `switch` must be strings.
- Better: a suspended greenlet that only its own `__dict__` or its own frames refer to is collected, on every version,
  and its `finally` blocks run ([which cycles](testing.md#cycles-through-frames)); greenlet collects those of frames on
  3.15 only (also where a value on an evaluation stack is all that keeps it), and runs none. The tracer of a thread that
  has ended is freed.
- A class derived from `greenlet` that has a `__del__` of its own does not show its frames to the collector.
- Import in a subinterpreter, or on a free-threaded build, is an error that says so.
- As with greenlet: a suspended greenlet whose thread has ended is dead and its `finally` blocks do not run; if one ends
  and all its ancestors belong to another thread, the process ends with a fatal error.
"""


def names(*path: str) -> dict[str, list[str]]:
    output = subprocess.run(
        [sys.executable, "-c", LIST_NAMES, *path], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, list[str]] = json.loads(output)
    return found


def page() -> str:
    """The text of the page. Raises if greenlet is not installed, or a remark is missing or too many."""
    if importlib.metadata.version("greenlet") != VERSION:
        raise RuntimeError(f"greenlet {VERSION} must be installed")
    theirs, ours = names(), names(SHIM_DIRECTORY)
    remarks = dict(REMARKS)
    lines = [
        "# Compatibility",
        "",
        f"Every public name of greenlet {VERSION}, and how it is here: *same*, *better* (how), *absent* (why).",
        "Made by `python -m tests.commands.compatibility` from both packages; a test fails if it is not what that "
        "would write.",
    ]
    for where, expected in theirs.items():
        lines += ["", f"## `{where}`", "", "| name | | |", "|---|---|---|"]
        missing = SOMETIMES.get(where, [])
        for name in sorted([*expected, *missing]):
            verdict, text = remarks.pop(f"{where}.{name}", ("same", ""))
            if (verdict == "absent" or name in missing) is (name in ours[where]):
                raise RuntimeError(f"{where}.{name} is {'there' if name in ours[where] else 'absent'}")
            lines.append(f"| `{name}` | {verdict} | {text} |")
    if remarks:
        raise RuntimeError(f"greenlet has no {', '.join(remarks)}")
    lines += ["", "## The C API, `greenlet._C_API`", "", "| entry | name | |", "|---|---|---|"]
    lines += [f"| {place} | `{name}` | same |" for place, name in enumerate(C_API)]
    exceptions = "\n".join(f"- `{test}`: {reason}." for test, reason in EXPECTED.items())
    lines += ["", REST.format(exceptions=exceptions)]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
