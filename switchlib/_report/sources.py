"""Reads what a report is about: a process, a core file, a timeline, or the JSON of `dump`."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from switchlib.introspection import render
from switchlib.introspection.errors import IntrospectionError
from switchlib.introspection.reader import observe, read_core

from . import timeline
from .greenlets import drawings, page_data

if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

ELF = b"\x7fELF"
DUMP = b'{"version":'


class Content:
    """What a page shows: a title, facts about the whole, data for its scripts, and drawings."""

    def __init__(self, title: str, facts: list[str], data: Json) -> None:
        self.title = title
        self.facts = facts
        self.data = data
        self.notes: list[str] = []
        self.drawings: list[tuple[str, str]] = []


def read(source: str, *, hold: bool = True) -> Content:
    """What is known of a process, if `source` is its number, or of what a file has.

    Raises IntrospectionError if it cannot be read, or is something else.
    """
    if source.isdecimal() and not os.path.exists(source):
        return _of_process(int(source), hold)
    try:
        with open(source, "rb") as file:
            head = file.read(len(DUMP))
    except OSError as error:
        raise IntrospectionError(f"{source} cannot be read: {error.strerror}") from None
    if head.startswith(ELF):
        found = read_core(source, lambda process: render.as_json(process, frames=True))
        return _of_greenlets(found, os.path.basename(source))
    return _of_dump(source) if head.startswith(DUMP) else _of_timeline(source)


def _of_process(pid: int, hold: bool) -> Content:
    command = _command_line(pid)
    found = observe(pid, lambda process: render.as_json(process, frames=True), hold=hold)
    content = _of_greenlets(found, f"process {pid}")
    if command:
        content.facts.insert(0, command)
    return content


def _command_line(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().rstrip(b"\0").decode("utf-8", "replace").split("\0")
    except OSError:
        return ""
    return " ".join([os.path.basename(words[0]), *words[1:]])


def _of_greenlets(found: Json, title: str) -> Content:
    data = page_data(found)
    facts = [f"CPython {found['python']}"]
    if found["held_seconds"] is not None:
        facts.append(f"held for {1000 * found['held_seconds']:.0f} ms")
    if found["stopped_by"]:
        facts.append("stopped by a signal")
    content = Content(title, [*facts, _now()], data)
    content.notes = list(found["notes"])
    content.drawings = drawings(found)
    return content


def _of_dump(path: str) -> Content:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found["version"] != render.JSON_VERSION:
            raise IntrospectionError(f"{path} is of another version of switchlib")
        title = os.path.basename(path)
        if found["is_core"]:
            title = f"core file of process {found['pid']}"
        if not all("frames" in each for thread in found["threads"] for each in thread["greenlets"]):
            raise IntrospectionError(f"{path} has no frames: write it by `dump --json`")
        return _of_greenlets(found, title)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntrospectionError(f"{path} is not the output of `dump --json`: {error!r}") from None


def _of_timeline(path: str) -> Content:
    from switchlib import _timeline  # not before: a process does not need it

    try:
        found = _timeline.read(path)
        data = timeline.page_data(found)
    except OSError as error:
        raise IntrospectionError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise IntrospectionError(
            f"{path} is no core file, no timeline and not the output of `dump --json`: {error}"
        ) from None
    facts = [found.program, f"process {found.pid}"]
    content = Content(f"Timeline {os.path.basename(path)}", facts, {"timeline": data})
    if found.dropped:
        content.notes.append(f"the first {found.dropped:,} records, which later ones replaced")
    return content


def _now() -> str:
    return time.strftime("read at %Y-%m-%d %H:%M:%S")
