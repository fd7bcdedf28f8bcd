"""A timeline in Chrome's trace event format, as JSON.

A trace in this format has processes, and in these threads, and no more. So a thread stands as a
process, with the number that the system gives it, and a greenlet as a thread of it. Each greenlet
has one slice from its begin to its end, and in that a slice for each stretch of running. What
`read` needs is in the slices' `args`, and in the object `switchlib` at the end, both in ns.
"""

from __future__ import annotations

import gzip
import json
from json.encoder import encode_basestring_ascii as quoted

from switchlib._timeline.model import Mark, Slice, Thread, Timeline, Track

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

FORMAT = 1


def write(timeline: Timeline, path: str) -> None:
    """Writes a file; one that ends in .gz is compressed. OSError if that fails."""
    opened: IO[str]
    if path.endswith(".gz"):
        opened = gzip.open(path, "wt", encoding="ascii", compresslevel=3)  # noqa: SIM115
    else:
        opened = open(path, "w", encoding="ascii")  # noqa: SIM115
    with opened as file:
        file.write('{"displayTimeUnit": "ns", "traceEvents": [\n')
        _write_events(timeline, file)
        about = {
            "format": FORMAT,
            "pid": timeline.pid,
            "program": timeline.program,
            "begin": timeline.begin,
            "end": timeline.end,
            "dropped": timeline.dropped,
            "kept_from": timeline.kept_from,
            "threads": [[t.number, t.native_id, t.name] for t in timeline.threads.values()],
        }
        file.write(
            f'{{"ph": "M", "pid": 0, "name": "switchlib"}}],\n"switchlib": {json.dumps(about)}}}\n'
        )


def _write_events(timeline: Timeline, file: IO[str]) -> None:
    numbers = {number: _process_number(thread) for number, thread in timeline.threads.items()}
    zero = timeline.begin
    for number, thread in timeline.threads.items():
        about = {"name": f"{thread.name} ({timeline.program}, {timeline.pid})"}
        _write_metadata(file, "process_name", numbers[number], 0, about)
    for track in timeline.tracks.values():
        pid, tid = numbers[track.thread], track.number
        _write_metadata(file, "thread_name", pid, tid, {"name": f"{track.name} {track.number}"})
        _write_metadata(file, "thread_sort_index", pid, tid, {"sort_index": track.number})
        args = {
            "made_by": track.made_by,
            "made_at": track.made_at,
            "ended": track.has_ended,
            "thread": track.thread,
            "begin": track.begin,
            "end": track.end,
        }
        file.write(
            f'{{"ph": "X", "cat": "greenlet", "name": {quoted(track.name)}, "pid": {pid}, '
            f'"tid": {tid}, {_span(track.begin, track.end, zero)}, "args": {json.dumps(args)}}},\n'
        )
    thread_of = {track.number: numbers[track.thread] for track in timeline.tracks.values()}
    left: dict[int, Slice] = {}
    for flow, slice_ in enumerate(timeline.slices, 1):
        pid, tid = thread_of[slice_.greenlet], slice_.greenlet
        name = slice_.label or timeline.tracks[tid].name
        args_text = (
            f'{{"how": {json.dumps(slice_.how)}, "resumed_at": {quoted(slice_.place)}, '
            f'"origin": {slice_.origin}, "label": {quoted(slice_.label)}, '
            f'"thread": {slice_.thread}, "begin": {slice_.begin}, "end": {slice_.end}}}'
        )
        file.write(
            f'{{"ph": "X", "cat": "run", "name": {quoted(name)}, "pid": {pid}, "tid": {tid}, '
            f'{_span(slice_.begin, slice_.end, zero)}, "args": {args_text}}},\n'
        )
        before = left.get(slice_.thread)
        if slice_.how is not None and before is not None:
            # A flow leaves the slice that encloses its begin, so it begins before that ends.
            at = max(before.begin, slice_.begin - 1) - zero
            common = f'"cat": {quoted(slice_.how)}, "name": {quoted(slice_.how)}, "id": {flow}'
            file.write(
                f'{{"ph": "s", {common}, "pid": {thread_of[before.greenlet]}, '
                f'"tid": {before.greenlet}, "ts": {_microseconds(at)}}},\n'
                f'{{"ph": "f", "bp": "e", {common}, "pid": {pid}, "tid": {tid}, '
                f'"ts": {_microseconds(slice_.begin - zero)}}},\n'
            )
        left[slice_.thread] = slice_
    for mark in timeline.marks:
        args = {"place": mark.place, "thread": mark.thread, "time": mark.time}
        file.write(
            f'{{"ph": "i", "s": "t", "cat": "mark", "name": {quoted(mark.text)}, '
            f'"pid": {thread_of[mark.greenlet]}, "tid": {mark.greenlet}, '
            f'"ts": {_microseconds(mark.time - zero)}, "args": {json.dumps(args)}}},\n'
        )


def _process_number(thread: Thread) -> int:
    return thread.native_id or 10_000_000 + thread.number  # more than the system gives


def _write_metadata(file: IO[str], kind: str, pid: int, tid: int, args: dict[str, Any]) -> None:
    about = {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": args}
    file.write(f"{json.dumps(about)},\n")


def _span(begin: int, end: int, zero: int) -> str:
    return f'"ts": {_microseconds(begin - zero)}, "dur": {_microseconds(end - begin)}'


def _microseconds(ns: int) -> str:
    return f"{ns // 1000}.{ns % 1000:03}"


def read(path: str) -> Timeline:
    """Reads what `write` has written. ValueError if it is something else."""
    opener: Any = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="ascii") as file:
        try:
            found = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path} is no JSON: {error}") from error
    about = found.get("switchlib") if isinstance(found, dict) else None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError(f"{path} is no timeline that this version of switchlib has written")
    timeline = Timeline(
        **{name: about[name] for name in ("pid", "program", "begin", "end", "dropped", "kept_from")}
    )
    for number, native_id, name in about["threads"]:
        timeline.threads[number] = Thread(number, native_id, name)
    for event in found["traceEvents"]:
        _read_event(timeline, event)
    return timeline


def _read_event(timeline: Timeline, event: dict[str, Any]) -> None:
    args, category = event.get("args", {}), event.get("cat")
    if category == "greenlet":
        timeline.tracks[event["tid"]] = Track(
            event["tid"], event["name"], args["thread"], args["begin"], args["end"],
            args["made_by"], args["made_at"], args["ended"],
        )  # fmt: skip
    elif category == "run":
        timeline.slices.append(
            Slice(event["tid"], args["thread"], args["begin"], args["end"], args["how"],
                  args["origin"], args["resumed_at"], args["label"])
        )  # fmt: skip
    elif category == "mark":
        timeline.marks.append(
            Mark(event["tid"], args["thread"], args["time"], event["name"], args["place"])
        )
