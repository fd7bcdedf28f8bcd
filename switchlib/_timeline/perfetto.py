"""A timeline in Perfetto's protobuf: protos/perfetto/trace/trace.proto, and what that imports.

The process is a track, which has those of the threads, and these have those of the greenlets. Each
greenlet has one slice from its begin to its end, and in that a slice for each stretch of running.
A flow leads from each slice to the one that runs next in the thread. What `read` needs besides is
in the slices' annotations.
"""

from __future__ import annotations

from collections import defaultdict

from switchlib._timeline.model import Mark, Slice, Thread, Timeline, Track
from switchlib._timeline.protobuf import (
    bytes_field,
    fields,
    fixed64_field,
    number_field,
    text_field,
    varint,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

FORMAT = 1

# Fields of the messages, by the names that they have in the .proto files.
PACKET = 1  # of Trace; the next ones of TracePacket
TIMESTAMP, SEQUENCE_ID, TRACK_EVENT, INTERNED_DATA, SEQUENCE_FLAGS = 8, 10, 11, 12, 13
TRACK_DESCRIPTOR = 60
UUID, NAME, PROCESS, THREAD, PARENT_UUID = 1, 2, 3, 4, 5  # of TrackDescriptor
CHILD_ORDERING, SIBLING_ORDER_RANK = 11, 12
BY_RANK = 3  # a value of CHILD_ORDERING: EXPLICIT
PID, PROCESS_NAME = 1, 6  # of ProcessDescriptor
THREAD_PID, TID, THREAD_NAME = 1, 2, 5  # of ThreadDescriptor
CATEGORY_IIDS, DEBUG_ANNOTATIONS, TYPE, NAME_IID, TRACK_UUID = 3, 4, 9, 10, 11  # of TrackEvent
FLOW_IDS, TERMINATING_FLOW_IDS = 47, 48
SLICE_BEGIN, SLICE_END, INSTANT = 1, 2, 3  # values of TYPE
ANNOTATION_NAME_IID, INT_VALUE, STRING_VALUE_IID = 1, 4, 17  # of DebugAnnotation
EVENT_CATEGORIES, EVENT_NAMES, ANNOTATION_NAMES, STRING_VALUES = 1, 2, 3, 29  # of InternedData
IID, TEXT = 1, 2  # of each of these
INCREMENTAL_STATE_CLEARED, NEEDS_INCREMENTAL_STATE = 1, 2  # values of SEQUENCE_FLAGS

_TIMESTAMP_KEY = number_field(TIMESTAMP, 0)[:-1]
_NEEDS_STATE = number_field(SEQUENCE_FLAGS, NEEDS_INCREMENTAL_STATE)
_SEQUENCE = number_field(SEQUENCE_ID, 1)

# Numbers of tracks, which must differ in one trace.
PROCESS_TRACK, FIRST_THREAD, FIRST_GREENLET = 1, 1 << 32, 1 << 33


def write(timeline: Timeline, path: str) -> None:
    """Writes a file. OSError if that fails."""
    with open(path, "wb") as file:
        _Writer(timeline, file).write()


class _Writer:
    def __init__(self, timeline: Timeline, file: IO[bytes]) -> None:
        self.timeline = timeline
        self.file = file
        self.iids: dict[tuple[int, str], int] = {}  # by kind and text
        self.fresh: list[bytes] = []  # interned texts that are not written yet
        self.encoded: dict[tuple[str | int, ...], bytes] = {}
        self.first_flow = (timeline.pid & 0xFFFFFF) << 40  # also those of two traces must differ

    def write(self) -> None:
        timeline = self.timeline
        self._packet(number_field(SEQUENCE_FLAGS, INCREMENTAL_STATE_CLEARED))
        self._write_tracks()
        about = {
            "format": FORMAT,
            "begin": timeline.begin,
            "end": timeline.end,
            "dropped": timeline.dropped,
            "kept_from": timeline.kept_from,
        }
        self._event(INSTANT, PROCESS_TRACK, timeline.begin, "timeline", "switchlib", about)
        next_of = self._next_slices()
        slices_of: dict[int, list[tuple[int, Slice]]] = defaultdict(list)
        for flow, slice_ in enumerate(timeline.slices):
            slices_of[slice_.greenlet].append((flow, slice_))
        marks_of: dict[int, list[Mark]] = defaultdict(list)
        for mark in timeline.marks:
            marks_of[mark.greenlet].append(mark)
        for track in timeline.tracks.values():
            self._write_track(track, slices_of[track.number], next_of)
            for mark in marks_of[track.number]:
                place = {"place": mark.place, "thread": mark.thread}
                uuid = FIRST_GREENLET + mark.greenlet
                self._event(INSTANT, uuid, mark.time, mark.text, "mark", place)

    def _next_slices(self) -> dict[int, int]:
        """By the index of a slice, that of the next in its thread."""
        next_of: dict[int, int] = {}
        last_of: dict[int, int] = {}  # by thread
        for i, slice_ in enumerate(self.timeline.slices):
            if slice_.thread in last_of and slice_.how is not None:
                next_of[last_of[slice_.thread]] = i
            last_of[slice_.thread] = i
        return next_of

    def _write_tracks(self) -> None:
        timeline = self.timeline
        process = number_field(PID, timeline.pid) + text_field(PROCESS_NAME, timeline.program)
        self._descriptor(number_field(UUID, PROCESS_TRACK) + bytes_field(PROCESS, process))
        for thread in timeline.threads.values():
            about = (
                number_field(THREAD_PID, timeline.pid)
                + number_field(TID, thread.native_id)
                + text_field(THREAD_NAME, thread.name)
            )
            self._descriptor(
                number_field(UUID, FIRST_THREAD + thread.number)
                + number_field(PARENT_UUID, PROCESS_TRACK)
                + bytes_field(THREAD, about)
                + number_field(CHILD_ORDERING, BY_RANK)
            )
        for track in timeline.tracks.values():
            self._descriptor(
                number_field(UUID, FIRST_GREENLET + track.number)
                + number_field(PARENT_UUID, FIRST_THREAD + track.thread)
                + text_field(NAME, f"{track.name} {track.number}")
                + number_field(SIBLING_ORDER_RANK, track.number)
            )

    def _write_track(
        self, track: Track, slices: list[tuple[int, Slice]], next_of: dict[int, int]
    ) -> None:
        uuid = FIRST_GREENLET + track.number
        about: dict[str, Any] = {"made_by": track.made_by, "made_at": track.made_at,
                                 "ended": int(track.has_ended)}  # fmt: skip
        self._event(SLICE_BEGIN, uuid, track.begin, track.name, "greenlet", about)
        # This is done for each switch, so what repeats is encoded once.
        begin = number_field(TYPE, SLICE_BEGIN) + number_field(TRACK_UUID, uuid)
        end = number_field(TYPE, SLICE_END) + number_field(TRACK_UUID, uuid)
        for index, each in slices:
            event = begin
            if index in next_of:
                event += fixed64_field(FLOW_IDS, self.first_flow + next_of[index])
            if each.how is not None:
                event += fixed64_field(TERMINATING_FLOW_IDS, self.first_flow + index)
            event += self._title(each.label or track.name, "run")
            event += self._annotation("how", each.how or "")
            event += self._annotation("resumed_at", each.place)
            event += self._annotation("origin", each.origin)
            event += self._annotation("label", each.label)
            event += self._annotation("thread", each.thread)
            self._event_packet(each.begin, event)
            self._event_packet(each.end, end)
        self._event(SLICE_END, uuid, track.end)

    def _descriptor(self, content: bytes) -> None:
        self._packet(bytes_field(TRACK_DESCRIPTOR, content))

    def _event(
        self,
        kind: int,
        uuid: int,
        time: int,
        name: str = "",
        category: str = "",
        args: dict[str, Any] | None = None,
    ) -> None:
        event = number_field(TYPE, kind) + number_field(TRACK_UUID, uuid)
        if category:
            event += self._title(name, category)
        for key, value in (args or {}).items():
            event += self._annotation(key, value)
        self._event_packet(time, event)

    def _event_packet(self, time: int, event: bytes) -> None:
        packet = _TIMESTAMP_KEY + varint(time) + _NEEDS_STATE
        if self.fresh:
            packet += bytes_field(INTERNED_DATA, b"".join(self.fresh))
            self.fresh.clear()
        self._packet(packet + bytes_field(TRACK_EVENT, event))

    def _title(self, name: str, category: str) -> bytes:
        """The fields for name and category."""
        found = self.encoded.get((name, category))
        if found is None:
            found = number_field(NAME_IID, self._iid(EVENT_NAMES, name))
            found += number_field(CATEGORY_IIDS, self._iid(EVENT_CATEGORIES, category))
            self.encoded[name, category] = found
        return found

    def _annotation(self, key: str, value: str | int) -> bytes:
        """The field for an annotation; nothing for an empty text."""
        if value == "":
            return b""
        found = self.encoded.get((key, value, "annotation"))
        if found is None:
            content = number_field(ANNOTATION_NAME_IID, self._iid(ANNOTATION_NAMES, key))
            if isinstance(value, str):
                content += number_field(STRING_VALUE_IID, self._iid(STRING_VALUES, value))
            else:
                content += number_field(INT_VALUE, value)
            found = self.encoded[key, value, "annotation"] = bytes_field(DEBUG_ANNOTATIONS, content)
        return found

    def _iid(self, kind: int, text: str) -> int:
        """The number of a text. It is written once, before it is first used."""
        iid = self.iids.get((kind, text))
        if iid is None:
            iid = self.iids[kind, text] = len(self.iids) + 1
            self.fresh.append(bytes_field(kind, number_field(IID, iid) + text_field(TEXT, text)))
        return iid

    def _packet(self, content: bytes) -> None:
        self.file.write(bytes_field(PACKET, content + _SEQUENCE))


def read(path: str) -> Timeline:
    """Reads what `write` has written. ValueError if it is something else."""
    with open(path, "rb") as file:
        content = file.read()
    reader = _Reader()
    try:
        for field, packet in fields(content):
            if field == PACKET and isinstance(packet, bytes):
                reader.read(dict(fields(packet)))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no timeline that switchlib has written: {error}") from error
    if reader.format != FORMAT:
        raise ValueError(f"{path} is no timeline that this version of switchlib has written")
    reader.timeline.slices.sort(key=lambda slice_: (slice_.begin, slice_.end))
    return reader.timeline


class _Reader:
    def __init__(self) -> None:
        self.timeline = Timeline(0, "", 0, 0)
        self.format = 0
        self.texts: dict[int, str] = {}
        self.annotations: dict[bytes, tuple[str, Any]] = {}  # by their encoding, as they repeat
        self.open: dict[int, list[Track | Slice]] = defaultdict(list)  # by track

    def read(self, packet: dict[int, Any]) -> None:
        for _, entry in fields(packet.get(INTERNED_DATA, b"")):
            text = dict(fields(entry))  # type: ignore[arg-type]
            self.texts[text[IID]] = text[TEXT].decode()  # type: ignore[index,union-attr]
        if TRACK_DESCRIPTOR in packet:
            self._read_descriptor(dict(fields(packet[TRACK_DESCRIPTOR])))
        if TRACK_EVENT in packet:
            self._read_event(packet[TIMESTAMP], packet[TRACK_EVENT])

    def _read_descriptor(self, found: dict[int, Any]) -> None:
        timeline, uuid = self.timeline, found[UUID]
        if PROCESS in found:
            process = dict(fields(found[PROCESS]))
            timeline.pid = process[PID]  # type: ignore[assignment]
            timeline.program = process[PROCESS_NAME].decode()  # type: ignore[union-attr]
        elif THREAD in found:
            thread = dict(fields(found[THREAD]))
            number = uuid - FIRST_THREAD
            name = thread[THREAD_NAME].decode()  # type: ignore[union-attr]
            timeline.threads[number] = Thread(number, thread[TID], name)  # type: ignore[arg-type]
        else:
            number = uuid - FIRST_GREENLET
            thread_number = found[PARENT_UUID] - FIRST_THREAD
            name = found[NAME].decode().rpartition(" ")[0]
            timeline.tracks[number] = Track(number, name, thread_number, 0, 0)

    def _annotation(self, content: bytes) -> tuple[str, Any]:
        found = self.annotations.get(content)
        if found is None:
            annotation: dict[int, Any] = dict(fields(content))
            found = self.annotations[content] = (
                self.texts[annotation[ANNOTATION_NAME_IID]],
                self.texts[annotation[STRING_VALUE_IID]]
                if STRING_VALUE_IID in annotation
                else annotation[INT_VALUE],
            )
        return found

    def _read_event(self, time: int, content: bytes) -> None:
        event: dict[int, Any] = {}
        args: dict[str, Any] = {}
        for field, value in fields(content):
            event[field] = value
            if field == DEBUG_ANNOTATIONS:
                key, arg = self._annotation(value)  # type: ignore[arg-type]
                args[key] = arg
        uuid, kind, timeline = event[TRACK_UUID], event[TYPE], self.timeline
        number = uuid - FIRST_GREENLET
        if kind == SLICE_END:
            self.open[uuid].pop().end = time
        elif kind == INSTANT and uuid == PROCESS_TRACK:
            self.format = args["format"]
            timeline.begin, timeline.end = args["begin"], args["end"]
            timeline.dropped, timeline.kept_from = args["dropped"], args["kept_from"]
        elif kind == INSTANT:
            text = self.texts[event[NAME_IID]]
            mark = Mark(number, args["thread"], time, text, args.get("place", ""))
            timeline.marks.append(mark)
        elif not self.open[uuid]:
            track = timeline.tracks[number]
            track.begin, track.made_by = time, args["made_by"]
            track.made_at, track.has_ended = args.get("made_at", ""), bool(args["ended"])
            self.open[uuid].append(track)
        else:
            slice_ = Slice(
                number, args["thread"], time, time, args.get("how"), args["origin"],
                args.get("resumed_at", ""), args.get("label", ""),
            )  # fmt: skip
            timeline.slices.append(slice_)
            self.open[uuid].append(slice_)
