"""What the page is given of a timeline. Times are in nanoseconds.

    texts    list of text; what refers to one is its index, and -1 is none
    source   {place: the line of source there}
    length   of the timeline
    kept     from when on it is complete
    threads  [name, the system's number] each
    tracks   {column: list}, see TRACKS
    slices   {column: list}, see SLICES: those of each thread one after the other, by time
    counts   how many slices each thread has
    origins  {slice: track}, where the origin is not the track of the slice before it
    labels   {slice: text}
    marks    [track, time, text, place] each

Tracks and threads are referred to by their index. A track's number is that in the timeline's file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchlib.introspection.source import source_line

if TYPE_CHECKING:
    from typing import Any

    from switchlib._timeline.model import Timeline

    Json = dict[str, Any]

TRACKS = ("number", "name", "thread", "begin", "end", "by", "at", "ended")
SLICES = (
    "track",
    "gap",  # after the slice before it
    "length",
    "how",  # index of HOW
    "place",
)
HOW = (None, "start", "switch", "throw")
LONGEST_LINE = 300


def page_data(timeline: Timeline) -> Json:
    """From a timeline that was read to what the page is given."""
    return _Packer(timeline).packed


class _Packer:
    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.texts: dict[str, int] = {}
        self.places: set[int] = set()
        self.ordered = sorted(timeline.tracks.values(), key=lambda each: (each.begin, each.number))
        self.track_index = {track.number: i for i, track in enumerate(self.ordered)}
        self.thread_index = {number: i for i, number in enumerate(timeline.threads)}
        tracks = self._tracks()
        packed = self._slices()
        marks = [
            [self.track_index[mark.greenlet], mark.time - timeline.begin, self._text(mark.text),
             self._place(mark.place)]
            for mark in timeline.marks
        ]  # fmt: skip
        texts = list(self.texts)
        self.packed: Json = {
            "texts": texts,
            "source": {place: line for place in self.places if (line := _source(texts[place]))},
            "length": timeline.end - timeline.begin,
            "kept": timeline.kept_from - timeline.begin,
            "threads": [[each.name, each.native_id] for each in timeline.threads.values()],
            "tracks": tracks,
            "marks": marks,
            **packed,
        }

    def _tracks(self) -> Json:
        columns: Json = {name: [] for name in TRACKS}
        zero = self.timeline.begin
        for track in self.ordered:
            row = (
                track.number, self._text(track.name), self.thread_index[track.thread],
                track.begin - zero, track.end - zero, self.track_index.get(track.made_by, -1),
                self._place(track.made_at), int(track.has_ended),
            )  # fmt: skip
            for name, value in zip(TRACKS, row):
                columns[name].append(value)
        return columns

    def _slices(self) -> Json:
        columns: Json = {name: [] for name in SLICES}
        origins: dict[int, int] = {}
        labels: dict[int, int] = {}
        counts = [0] * len(self.thread_index)
        thread, before, ended = -1, -1, 0
        ordered = sorted(
            self.timeline.slices, key=lambda each: (self.thread_index[each.thread], each.begin)
        )
        for number, each in enumerate(ordered):
            if self.thread_index[each.thread] != thread:
                thread, before = self.thread_index[each.thread], -1
                ended = self.timeline.begin
            counts[thread] += 1
            track = self.track_index[each.greenlet]
            origin = self.track_index.get(each.origin, -1)
            if origin != before:
                origins[number] = origin
            if each.label:
                labels[number] = self._text(each.label)
            row = (
                track, each.begin - ended, each.end - each.begin, HOW.index(each.how),
                self._place(each.place),
            )  # fmt: skip
            for name, value in zip(SLICES, row):
                columns[name].append(value)
            before, ended = track, each.end
        return {"slices": columns, "counts": counts, "origins": origins, "labels": labels}

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts)) if text else -1

    def _place(self, place: str) -> int:
        number = self._text(place)
        if number >= 0:
            self.places.add(number)
        return number


def _source(place: str) -> str:
    """The line of a place, "file.py:12 function"; "" if it cannot be read."""
    file, _, rest = place.rpartition(":")
    number = rest.partition(" ")[0]
    return source_line(file, int(number))[:LONGEST_LINE] if number.isdecimal() else ""
