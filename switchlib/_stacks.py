"""The stacks of all greenlets, seen from inside."""

from __future__ import annotations

import linecache
import sys
from types import FunctionType, MethodType
from typing import NamedTuple

from switchlib._mechanism import (
    all_greenlets,
    is_main,
    main_of,
    parent_of,
    run_of,
    stack_of,
    state_of,
    thread_ident,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import TextIO

    from switchlib import greenlet


class StackEntry(NamedTuple):
    """One call on a greenlet's stack: where its function stands."""

    filename: str
    lineno: int | None
    """None if the instruction belongs to no line."""
    name: str
    """The function's qualified name; on CPython 3.10 its name."""
    code: CodeType


def capture_stack(greenlet: greenlet, /) -> list[StackEntry]:
    """The calls on the stack of a greenlet, the innermost last.

    The greenlet may be suspended, or current in any thread. The list is empty if it has not begun,
    or is dead. No frame object is made, except on PyPy. Raises TypeError if `greenlet` is no
    greenlet.
    """
    return [
        StackEntry(
            code.co_filename,
            lineno if lineno >= 0 else None,
            getattr(code, "co_qualname", code.co_name),
            code,
        )
        for code, lineno in _without_ours(stack_of(greenlet))
    ]


def _without_ours(stack: list[tuple[CodeType, int]]) -> list[tuple[CodeType, int]]:
    """Without the calls of this file, which are on the stack if it is the caller's own."""
    while stack and stack[-1][0].co_filename == __file__:
        stack.pop()
    return stack


def format_stacks() -> str:
    """The stacks of all greenlets of all threads as text, in the style of tracebacks.

    Greenlets whose stack and state are equal share one entry.
    """
    threads: dict[int | None, list[greenlet]] = {}
    for each in all_greenlets():
        identity = None if main_of(each) is None else thread_ident(each)
        threads.setdefault(identity, []).append(each)
    names = _names_of_threads()
    parts: list[str] = []
    no_thread = threads.pop(None, None)
    if no_thread is not None:
        threads[None] = no_thread  # last
    for identity, greenlets in threads.items():
        if identity is None:
            title = "Greenlets that have not begun, or whose thread has ended"
        else:
            title = f"Thread {identity:#x} ({names.get(identity, 'unknown to threading')})"
        noun = "greenlet" if len(greenlets) == 1 else "greenlets"
        parts.append(f"{title}, {len(greenlets)} {noun}:\n")
        parts += _folded(greenlets)
    return "\n".join(parts)


def print_stacks(file: TextIO | None = None) -> None:
    """Print what format_stacks returns, to sys.stderr or to a file object."""
    print(format_stacks(), end="", file=sys.stderr if file is None else file)


def _names_of_threads() -> dict[int, str]:
    """By identity. The module threading is not imported if the program has not done so."""
    threading = sys.modules.get("threading")
    if threading is None:
        return {}
    return {thread.ident: thread.name for thread in threading.enumerate() if thread.ident}


def _folded(greenlets: list[greenlet]) -> list[str]:
    """An entry for each stack, which first lists the greenlets that have it."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in greenlets:
        state = state_of(each)
        groups.setdefault((state, _stack_text(each, state)), []).append(_describe(each, state))
    return [
        "".join(f"{line}\n" for line in _shortened(lines)) + text
        for (_, text), lines in groups.items()
    ]


def _shortened(lines: list[str], shown: int = 3) -> list[str]:
    if len(lines) <= shown + 1:
        return lines
    return [*lines[:shown], f"... and {len(lines) - shown:,} more with the same stack"]


def _describe(each: greenlet, state: str) -> str:
    """What can be said of a greenlet without running code of the program."""
    words = [f"{type(each).__module__}.{type(each).__qualname__} at {id(each):#x}", state]
    if is_main(each):
        words.append("main")
    name = _stored(each, "name")
    if isinstance(name, str):
        words.append(f"name {name!r}")
    if state == "unstarted":
        try:
            run = run_of(each)
        except AttributeError:
            run = getattr(type(each), "run", None)
        words.append(f"run {_name_of(run)}")
    parent = parent_of(each)
    if parent is not None:
        words.append(f"parent {id(parent):#x}")
    return ", ".join(words)


def _stored(each: greenlet, attribute: str) -> object:
    """An entry of its __dict__: a property could run anything."""
    try:
        attributes = object.__getattribute__(each, "__dict__")
    except AttributeError:
        return None
    return attributes.get(attribute)


def _name_of(run: object) -> str:
    """A function's name and where it is defined; of anything else its type's name."""
    function = run.__func__ if isinstance(run, MethodType) else run
    if not isinstance(function, FunctionType):
        return type(run).__qualname__
    code = function.__code__
    return f"{function.__qualname__} ({code.co_filename}:{code.co_firstlineno})"


def _stack_text(each: greenlet, state: str) -> str:
    stack = _shortened_recursion(capture_stack(each))
    return "".join(stack) or ("" if state in ("unstarted", "dead") else "  (no Python frames)\n")


def _shortened_recursion(stack: list[StackEntry], shown: int = 3) -> list[str]:
    """Like traceback's: a call repeated more than three times is counted."""
    lines: list[str] = []
    before: StackEntry | None = None
    repeats = 0
    for entry in [*stack, None]:
        if entry is not None and entry == before:
            repeats += 1
            if repeats >= shown:
                continue
        else:
            if repeats >= shown:
                more = repeats - shown + 1
                lines.append(f"  [Previous line repeated {more} more time{'s' * (more > 1)}]\n")
            repeats = 0
        if entry is not None:
            lines.append(_entry_text(entry))
        before = entry
    return lines


def _entry_text(entry: StackEntry) -> str:
    where = "?" if entry.lineno is None else str(entry.lineno)
    text = f'  File "{entry.filename}", line {where}, in {entry.name}\n'
    source = linecache.getline(entry.filename, entry.lineno).strip() if entry.lineno else ""
    return f"{text}    {source}\n" if source else text
