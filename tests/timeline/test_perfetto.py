"""What is written is what Perfetto reads: its own classes, and its trace processor, judge it."""

from __future__ import annotations

import collections
import json
import shutil

import pytest

import switchlib
from switchlib import _timeline, getcurrent, greenlet

trace_pb2 = pytest.importorskip(
    "perfetto.protos.perfetto.trace.perfetto_trace_pb2", reason="perfetto is not installed"
)

pytestmark = pytest.mark.cpython("protobuf's classes need its C library to be fast enough")


class Counted:
    """A program that counts what it does."""

    def __init__(self) -> None:
        self.switches = 0
        self.throws = 0
        self.started = 0
        self.ended = 0
        self.left: list[greenlet] = []

    def run(self) -> None:
        main = getcurrent()

        def work(n):
            try:
                for _ in range(n):
                    self.switches += 1
                    main.switch()
            except KeyError:
                switchlib.mark("caught")
            self.switches += 1  # to the parent
            self.ended += 1

        workers = [greenlet(work) for _ in range(20)]
        for n, worker in enumerate(workers, 3):
            self.started += 1
            worker.switch(n)
        for worker in workers[::2]:
            self.throws += 1
            worker.throw(KeyError)
        for worker in workers[1::2]:
            self.switches += 1
            worker.switch()
        self.left = workers


@pytest.fixture
def program():
    program = Counted()
    yield program
    for each in program.left:
        each.throw()
    program.left.clear()


def test_perfettos_classes(tmp_path, program):
    path = tmp_path / "timeline.pftrace"
    with switchlib.timeline(path):
        program.run()
    trace = trace_pb2.Trace()
    trace.ParseFromString(path.read_bytes())
    assert trace.ByteSize() == len(path.read_bytes())
    names: dict[tuple[str, int], str] = {}
    tracks = {}
    open_slices = collections.defaultdict(list)
    slices, marks, flows_out, flows_in = [], [], [], []
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        for kind in ("event_categories", "event_names", "debug_annotation_names",
                     "debug_annotation_string_values"):  # fmt: skip
            for entry in getattr(packet.interned_data, kind):
                text = entry.str.decode() if kind.endswith("values") else entry.name
                names[kind, entry.iid] = text
        if packet.HasField("track_descriptor"):
            tracks[packet.track_descriptor.uuid] = packet.track_descriptor
        if not packet.HasField("track_event"):
            continue
        event = packet.track_event
        stack = open_slices[event.track_uuid]
        if event.type == event.TYPE_SLICE_BEGIN:
            name = names["event_names", event.name_iid]
            category = names["event_categories", event.category_iids[0]]
            args = {
                names["debug_annotation_names", a.name_iid]: a.int_value
                if a.HasField("int_value")
                else names["debug_annotation_string_values", a.string_value_iid]
                for a in event.debug_annotations
            }
            stack.append([name, category, packet.timestamp, args, event.track_uuid])
            flows_out += event.flow_ids
            flows_in += event.terminating_flow_ids
        elif event.type == event.TYPE_SLICE_END:
            name, category, begin, args, uuid = stack.pop()
            slices.append((name, category, begin, packet.timestamp, args, uuid))
            if stack:
                assert stack[-1][1] == "greenlet"
                assert stack[-1][2] <= begin
            else:
                assert category == "greenlet"
        elif event.type == event.TYPE_INSTANT:
            marks.append(names["event_names", event.name_iid])
    assert not any(open_slices.values())
    runs = [each for each in slices if each[1] == "run"]
    how = collections.Counter(args.get("how") for *_, args, _ in runs)
    assert how == {
        None: 1,
        "start": program.started,
        "switch": program.switches,
        "throw": program.throws,
    }
    assert marks.count("caught") == 10
    assert sorted(flows_out) == sorted(flows_in)
    assert len(set(flows_out)) == len(flows_out) == len(runs) - 1
    # Process, thread, greenlet.
    greenlets = [each for each in slices if each[1] == "greenlet"]
    assert len(greenlets) == 21
    assert sum(each[4]["ended"] for each in greenlets) == program.ended
    for each in slices:
        thread = tracks[tracks[each[5]].parent_uuid]
        assert thread.thread.thread_name == "MainThread"
        assert tracks[thread.parent_uuid].process.pid == thread.thread.pid
    # The slices of the thread take up all the time.
    runs.sort(key=lambda each: (each[2], each[3]))
    assert all(before[3] == after[2] for before, after in zip(runs, runs[1:]))


def test_chromes_json(tmp_path, program):
    path = tmp_path / "timeline.json"
    with switchlib.timeline(path):
        program.run()
    events = json.loads(path.read_text())["traceEvents"]
    spans = {
        event["tid"]: (event["ts"], event["ts"] + event["dur"])
        for event in events
        if event.get("cat") == "greenlet"
    }
    runs = [event for event in events if event.get("cat") == "run"]
    how = collections.Counter(event["args"]["how"] for event in runs)
    assert how == {
        None: 1,
        "start": program.started,
        "switch": program.switches,
        "throw": program.throws,
    }
    nearly = 0.0011  # microseconds: they are decimal fractions
    for event in runs:
        begin, end = spans[event["tid"]]
        assert begin - nearly <= event["ts"]
        assert event["ts"] + event["dur"] <= end + nearly
    assert [event["name"] for event in events if event["ph"] == "i"] == ["caught"] * 10
    begins = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    assert begins.keys() == ends.keys()
    assert len(begins) == len(runs) - 1
    by_begin = {(event["tid"], event["ts"]) for event in runs}
    for flow, event in ends.items():
        assert (event["tid"], event["ts"]) in by_begin
        assert begins[flow]["ts"] <= event["ts"]
    names = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert len(names) == 1
    assert names.pop().startswith("MainThread (")


def test_the_trace_processor(tmp_path, program):
    """Perfetto's own queries. What pip installs would download the program from elsewhere."""
    api = pytest.importorskip("perfetto.trace_processor", reason="perfetto is not installed")
    binary = shutil.which("trace_processor_shell")
    if binary is None:
        pytest.skip("trace_processor_shell is not on PATH")
    config = api.TraceProcessorConfig(bin_path=binary)
    paths = [tmp_path / "timeline.pftrace", tmp_path / "timeline.json"]
    _timeline.begin(10_000)
    program.run()
    recorded = _timeline.end()
    for path in paths:
        _timeline.write(recorded, str(path))
        with api.TraceProcessor(trace=str(path), config=config) as processor:
            rows = list(processor.query("select count(*) as n from slice where category = 'run'"))
            assert rows[0].n == len(recorded.slices)
