"""What the page is given of greenlets: much smaller than the JSON of `dump --json`.

Equal texts, frames and stacks are there once; what refers to one is its index. Greenlets are in
columns: lists in which the greenlet i has the place i. -1 is none.

    texts     list of text
    frames    [file, line, function] each; the file and the function are texts
    stacks    frames, the innermost last
    source    {file: {line: text}}, of the lines around those of the frames
    threads   {name, id, ended, on_cpu} each
    greenlets {column: list}, see COLUMNS
    waits     {greenlet: [[text, joint, holder, certain], ...]}; the joint is the text between the
              text and the name of the holder, which may be -1
    deadlocks [{members, certain, behind}, ...]
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from switchlib._drawing import Slice, stacks
from switchlib.introspection.source import source_lines

if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

COLUMNS = (
    "id",  # the address
    "thread",
    "parent",
    "state",  # a text, as the two that follow
    "name",
    "class",
    "run",  # a frame: the function, and the line where it is defined
    "stack",
    "main",  # 0 or 1
    "changed",  # 0 or 1
    "bytes",  # of its stack
    "saved",  # of these: bytes in the heap
    "task",  # a text: the asyncio task that it stands for
)
AROUND = 3  # lines of source that are shown before and after each line
LONGEST_LINE = 300
MOST_ROWS = 24  # of a drawing
PLAIN_CLASSES = ("switchlib.greenlet", "greenlet.greenlet")


def page_data(found: Json) -> Json:
    """From the JSON of `dump --json` to what the page is given. KeyError if it is none."""
    return _Packer(found).packed


def drawings(found: Json) -> list[tuple[str, str]]:
    """The name of each thread that has greenlets with a stack, and its stacks as SVG."""
    return [
        (_thread_name(thread), stacks(rows, styled=False))
        for thread in found["threads"]
        if not thread["ended"] and (rows := _rows(thread["greenlets"]))
    ]


class _Packer:
    def __init__(self, found: Json) -> None:
        self.texts: dict[str, int] = {}
        self.frames: dict[tuple[int, int, int], int] = {}
        self.stacks: dict[tuple[int, ...], int] = {}
        columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        waits: dict[int, list[Any]] = {}
        each_one = [
            (number, each)
            for number, thread in enumerate(found["threads"])
            for each in thread["greenlets"]
        ]
        self.index = {each["id"]: i for i, (_, each) in enumerate(each_one)}
        self.tasks = _tasks(found)
        for i, (number, each) in enumerate(each_one):
            for name, value in zip(COLUMNS, self._row(number, each)):
                columns[name].append(value)
            if each.get("waits_for"):
                waits[i] = [self._wait(wait) for wait in each["waits_for"]]
        self.packed: Json = {
            "texts": list(self.texts),
            "frames": list(self.frames),
            "stacks": list(self.stacks),
            "source": self._source(),
            "threads": [
                {
                    "name": _thread_name(thread),
                    "id": thread["native_id"],
                    "ended": thread["ended"],
                    "on_cpu": thread["on_cpu"],
                }
                for thread in found["threads"]
            ],
            "greenlets": columns,
            "waits": waits,
            "deadlocks": [
                {
                    "members": [self.index.get(member, -1) for member in each["greenlets"]],
                    "certain": each.get("certain", True),
                    "behind": each.get("behind", 0),
                }
                for each in found.get("deadlocks", ())
            ],
        }

    def _row(self, thread: int, each: Json) -> list[int]:
        run = each["run"]
        frames = [self._frame(frame) for frame in each.get("frames", ())]
        return [
            each["id"],
            thread,
            self.index.get(each["parent"], -1),
            self._text(each["state"]),
            self._text(each["name"]),
            self._text(None if each["class"] in PLAIN_CLASSES else each["class"]),
            self._frame({**run, "function": run["name"]}) if run else -1,
            self.stacks.setdefault(tuple(frames), len(self.stacks)),
            int(each["is_main"]),
            int(each["changed"]),
            each["stack_bytes"],
            each["saved_bytes"],
            self._text(self.tasks.get(each["id"])),
        ]

    def _text(self, text: str | None) -> int:
        return self.texts.setdefault(text, len(self.texts)) if text else -1

    def _frame(self, frame: Json) -> int:
        key = self._text(frame["filename"]), frame["line"] or -1, self._text(frame["function"])
        return self.frames.setdefault(key, len(self.frames))

    def _wait(self, wait: Json) -> list[Any]:
        kind, left = wait["kind"], wait.get("seconds_left")
        holder = self.index.get(wait.get("holder"), -1)
        address = f"{wait['id']:#x}" if wait.get("id") else ""
        joint = ", held by "
        text = " ".join(filter(None, (kind, address, wait.get("detail"))))
        if holder >= 0 and "end of" in kind:
            text, joint = kind, " "
        if left is not None:
            text += f", {left:,.1f} s left"
        return [self._text(text), self._text(joint), holder, int(wait.get("certain", True))]

    def _source(self) -> dict[int, dict[int, str]]:
        texts = list(self.texts)
        found: dict[int, dict[int, str]] = {}
        for file, line, _ in self.frames:
            if file < 0 or line < 0:
                continue
            lines = source_lines(texts[file])
            for number in range(max(line - AROUND, 1), min(line + AROUND, len(lines)) + 1):
                text = lines[number - 1].rstrip()[:LONGEST_LINE]
                found.setdefault(file, {})[number] = text
        return found


def _thread_name(thread: Json) -> str:
    if thread["ended"]:
        return "ended threads"
    return thread["name"] or f"thread {thread['native_id']}"


def _tasks(found: Json) -> dict[int, str]:
    """The names of the asyncio tasks for which greenlets stand, by the greenlets' ids."""
    return {
        step["greenlet"]: task["name"]
        for task in found.get("tasks", ())
        for step in task["steps"]
        if "greenlet" in step
    }


def _rows(greenlets: list[Json]) -> list[Slice]:
    """The rows of a drawing. Greenlets that do not differ in it have one row."""
    counts = Counter(
        _slice(each) for each in greenlets if each["state"] in ("current", "suspended")
    )
    if not counts:
        return []
    owners = [each for each in counts if each.is_owner]
    others = [each for each, _ in counts.most_common() if not each.is_owner]
    chosen = (owners + others)[:MOST_ROWS]
    chosen.sort(key=lambda each: (-(each.stop or 1 << 64), -(each.start or 0), each.name))
    return [
        Slice(each.name, each.state, each.start, each.stop, each.saved, counts[each])
        for each in chosen
    ]


def _slice(each: Json) -> Slice:
    return Slice(
        label(each), each["state"], each.get("stack_start"), each.get("stack_stop"),
        each["saved_bytes"],
    )  # fmt: skip


def label(each: Json) -> str:
    """What a greenlet is called: by its name, by what it runs, or by its class."""
    if each["name"]:
        return str(each["name"])
    if each["is_main"]:
        return "main"
    if each["run"]:
        return str(each["run"]["name"])
    return "greenlet" if each["class"] in PLAIN_CLASSES else str(each["class"])
