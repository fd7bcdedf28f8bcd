"""What a timeline has: each switch, by the right greenlets, at the right time."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
from pathlib import Path

import pytest

import switchlib
from switchlib import GreenletExit, _mechanism, _timeline, getcurrent, greenlet
from switchlib._timeline.model import Slice, Timeline
from tests.conftest import let_die
from tests.greenlet.shared import Mine, in_thread

PYPY = sys.implementation.name == "pypy"
SUFFIXES = [".json", ".json.gz", ".pftrace", ".perfetto-trace"]


@contextlib.contextmanager
def recorded(records: int = 10_000):
    """What is recorded in a `with` statement. The timeline is filled in at its end."""
    found = Timeline(0, "", 0, 0)
    _timeline.begin(records)
    try:
        yield found
    finally:
        vars(found).update(vars(_timeline.end()))


def by_name(timeline: Timeline, *names: str) -> list[int]:
    """The numbers of the greenlets with these names, in the order of these."""
    found = {track.name: number for number, track in timeline.tracks.items()}
    return [found[name] for name in names]


def steps(timeline: Timeline) -> list[tuple[str, str | None]]:
    """The slices: who ran, and what began it."""
    return [(timeline.tracks[each.greenlet].name, each.how) for each in timeline.slices]


def check(timeline: Timeline) -> None:
    """What is true of each timeline: slices lie in their tracks, and follow each other."""
    before: dict[int, Slice] = {}
    for each in timeline.slices:
        track = timeline.tracks[each.greenlet]
        assert track.begin <= each.begin <= each.end <= track.end
        assert timeline.begin <= timeline.kept_from <= each.begin
        assert each.end <= timeline.end
        if each.thread in before:
            assert each.begin == before[each.thread].end
            assert each.origin == before[each.thread].greenlet
        before[each.thread] = each
        assert each.thread in timeline.threads
    for mark in timeline.marks:
        assert mark.greenlet in timeline.tracks


def line_of(text: str) -> str:
    """The place in this file at which a text stands, as timelines have it."""
    lines = Path(__file__).read_text().splitlines()
    (number,) = [i for i, line in enumerate(lines, 1) if text in line and "line_of" not in line]
    return f"{__file__}:{number} "


def test_each_switch_is_there():
    main = getcurrent()

    def one():
        two.switch()
        return "end"

    def two_():
        main.switch()  # here two stops
        raise Mine

    with recorded() as timeline:
        first, two = greenlet(one), greenlet(two_)
        first.switch()
        first.switch()  # here main stops
        with pytest.raises(Mine):
            two.switch()
    check(timeline)
    assert steps(timeline) == [
        ("main", None),
        ("one", "start"),
        ("two_", "start"),
        ("main", "switch"),
        ("one", "switch"),
        ("main", "switch"),
        ("two_", "switch"),
        ("main", "throw"),
    ]
    tracks = timeline.tracks
    _, one_, two__ = by_name(timeline, "main", "one", "two_")
    assert [tracks[i].has_ended for i in (1, one_, two__)] == [False, True, True]
    assert [tracks[i].made_by for i in (one_, two__)] == [1, 1]
    assert tracks[one_].made_at.startswith(line_of("greenlet(one), greenlet(two_)"))
    assert timeline.slices[5].place.startswith(line_of("# here main stops"))
    assert timeline.slices[6].place.startswith(line_of("# here two stops"))
    assert timeline.slices[1].place == ""
    assert tracks[one_].end == timeline.slices[4].end
    assert [timeline.created, timeline.ended, timeline.switches] == [2, 2, 7]


def test_times_are_those_of_the_program():
    main = getcurrent()
    seen = []

    def work():
        while True:
            begin = time.monotonic_ns()
            time.sleep(0.002)
            seen.append((begin, time.monotonic_ns()))
            main.switch()

    with recorded() as timeline:
        worker = greenlet(work)
        for _ in range(5):
            worker.switch()
    check(timeline)
    ran = [each for each in timeline.slices if each.greenlet != 1]
    assert len(ran) == 5
    for (begin, end), each in zip(seen, ran):
        assert each.begin <= begin <= end <= each.end
    figures = {each.name: each for each in timeline.figures}
    assert figures["work"].switches == 5
    assert figures["work"].ran == sum(each.end - each.begin for each in ran)
    assert figures["work"].longest == max(each.end - each.begin for each in ran)
    assert figures["main"].switches == 5
    assert timeline.longest[0].length == max(each.end - each.begin for each in timeline.slices)


def test_a_program_counts_as_many_switches():
    switches = 0
    main = getcurrent()

    def work(n):
        nonlocal switches
        for _ in range(n):
            switches += 1
            main.switch()

    with recorded() as timeline:
        workers = [greenlet(work) for _ in range(50)]
        turn = 0
        while any(not worker.dead for worker in workers):
            for worker in workers:
                if not worker.dead:
                    switches += 1
                    worker.switch(*([workers.index(worker)] if turn == 0 else []))
            turn += 1
    check(timeline)
    ends = len(workers)  # each is a switch to the parent, too
    assert len(timeline.slices) == switches + ends + 1
    assert timeline.switches == switches + ends
    assert sum(each.end - each.begin for each in timeline.slices) == timeline.end - timeline.begin


def test_a_throw_into_one_that_has_not_started():
    with recorded() as timeline:
        each = greenlet(lambda: None)
        assert isinstance(each.throw(), GreenletExit)
    check(timeline)
    assert [how for _, how in steps(timeline)] == [None, "throw", "switch"]
    assert [track.has_ended for track in timeline.tracks.values()].count(True) == 1


def test_a_switch_to_itself():
    with recorded() as timeline:
        assert getcurrent().switch(1) == 1
    check(timeline)
    assert steps(timeline) == [("main", None), ("main", "switch")]


def test_one_that_is_killed():
    def work():
        getcurrent().parent.switch()

    with recorded() as timeline:
        each = greenlet(work)
        each.switch()
        del each
        let_die()
    check(timeline)
    assert [how for _, how in steps(timeline)] == [None, "start", "switch", "throw", "switch"]


def test_those_that_never_started():
    def kept():
        raise AssertionError

    def freed():
        raise AssertionError

    with recorded() as timeline:
        stays, goes = greenlet(kept), greenlet(freed)
        del goes
        let_die()
    check(timeline)
    assert not stays.dead
    ended = {track.name: track.has_ended for track in timeline.tracks.values()}
    assert ended["kept"] is False
    assert PYPY or ended["greenlet"] is True


def test_one_that_was_there_before_and_one_that_stays():
    main = getcurrent()

    def work():
        while True:
            main.switch()

    each = greenlet(work)
    each.switch()
    with recorded() as first:
        each.switch()
    with recorded() as second:
        each.switch()
    each.switch()
    for timeline in (first, second):
        check(timeline)
        assert [how for _, how in steps(timeline)] == [None, "switch", "switch"]
        assert {track.number for track in timeline.tracks.values()} == {1, 2}
        assert [track.name for track in timeline.tracks.values()] != ["", ""]


def test_what_overflows_is_counted():
    main = getcurrent()

    def work():
        while True:
            main.switch()

    with recorded(64) as timeline:
        each = greenlet(work)
        short = greenlet(lambda: None)
        short.switch()
        for _ in range(1000):
            each.switch()
    check(timeline)
    # Records: 2 creations, 2 * 1000 switches and 2 with an end of the short one.
    assert timeline.dropped == 2 + 2000 + 3 - 64
    assert len(timeline.slices) == 64 + 1
    assert timeline.switches == 2000 + 2
    assert [track.name for track in timeline.tracks.values()].count("work") == 1
    assert timeline.kept_from > timeline.begin


def test_marks_and_labels():
    main = getcurrent()
    thing = object()

    def work(_value):
        switchlib.mark("in work")
        main.switch(switchlib.label(thing, "the thing"))

    with recorded() as timeline:
        each = greenlet(work)
        switchlib.mark("in main")
        assert each.switch(None) is thing
        each.switch(thing)
        assert switchlib.label(7, "seven") == 7
    check(timeline)
    main_, work_ = 1, next(number for number in timeline.tracks if number != 1)
    assert [(m.text, m.greenlet) for m in timeline.marks] == [
        ("in main", main_),
        ("in work", work_),
    ]
    assert [each.label for each in timeline.slices] == ["", "", "the thing", "the thing", ""]
    assert timeline.marks[0].place.startswith(line_of('mark("in main")'))


def test_a_mark_or_label_must_have_a_text():
    with pytest.raises(TypeError):
        switchlib.mark(1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        switchlib.label(1, 1)  # type: ignore[arg-type]


def test_without_a_timeline_marks_and_labels_do_nothing():
    switchlib.mark("nowhere")
    thing = object()
    before = sys.getrefcount(thing) if not PYPY else 0
    assert switchlib.label(thing, "nowhere") is thing
    assert PYPY or sys.getrefcount(thing) == before


def test_labelled_values_are_let_go():
    class Thing:
        pass

    with recorded():
        thing = Thing()
        switchlib.label(thing, "x")
    if not PYPY:
        assert sys.getrefcount(thing) == 2


def test_threads():
    def work():
        getcurrent().parent.switch()

    def body():
        each = greenlet(work)
        each.switch()
        each.switch()

    with recorded() as timeline:
        for i in range(3):
            thread = threading.Thread(target=body, name=f"worker-{i}")
            thread.start()
            thread.join()
    check(timeline)
    names = {timeline.threads[each.thread].name for each in timeline.slices}
    assert names == {"worker-0", "worker-1", "worker-2"}
    for number in timeline.threads:
        slices = [each for each in timeline.slices if each.thread == number]
        assert len(slices) == 5
    assert all(thread.native_id for thread in timeline.threads.values())


def test_threads_at_the_same_time():
    def body():
        home = getcurrent()

        def work():
            while True:
                home.switch()

        each = greenlet(work)
        for _ in range(2000):
            each.switch()

    with recorded(100_000) as timeline:
        threads = [threading.Thread(target=body) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    check(timeline)
    assert timeline.switches >= 4 * 4000
    per_thread = [0] * 5
    for each in timeline.slices:
        per_thread[each.thread] += 1
    assert all(count >= 4000 for count in per_thread[1:])


def test_recording_starts_and_stops_while_threads_switch():
    stop = threading.Event()

    def body():
        home = getcurrent()

        def work():
            while True:
                home.switch()

        while not stop.is_set():
            each = greenlet(work)
            for _ in range(100):
                each.switch()

    threads = [threading.Thread(target=body) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            with recorded(1000) as timeline:
                time.sleep(0.002)
            check(timeline)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_many_greenlets_that_come_and_go():
    n = 20_000
    with recorded(16) as timeline:
        for _ in range(n):
            greenlet(lambda: None).switch()
    check(timeline)
    assert timeline.created == timeline.ended == n
    assert timeline.switches == 2 * n


@pytest.mark.cpython("the recorder there is made of watchers")
def test_shortcuts_stay_on(shortcuts):
    asked = []
    main = getcurrent()

    def work():
        while True:
            main.switch()

    each = greenlet(work)
    each.switch()

    def profile(frame, event, _arg):
        if "_greenlet.py" in frame.f_code.co_filename:
            asked.append(event)

    with recorded():
        sys.setprofile(profile)
        each.switch()
        sys.setprofile(None)
    assert asked == []  # policy is hidden from profilers; see the next one for what it costs


def test_watchers_and_a_tracer_see_the_same_as_before():
    events = []
    main = getcurrent()

    def work():
        main.switch()

    switchlib.add_watcher(lambda event: events.append(event.name))
    before = switchlib.settrace(lambda event, _: events.append(f"trace {event}"))
    try:
        with recorded() as timeline:
            each = greenlet(work)
            each.switch()
            each.switch()
    finally:
        switchlib.settrace(before)
        for watcher, _ in _mechanism.watchers():
            switchlib.remove_watcher(watcher)
    check(timeline)
    assert events == ["create", "start", "trace switch", "switch", "trace switch", "switch",
                      "trace switch", "end", "switch", "trace switch"]  # fmt: skip
    assert [how for _, how in steps(timeline)] == [None, "start", "switch", "switch", "switch"]


class Named(greenlet):
    """A class whose attributes must not be asked for."""

    @property
    def name(self):
        raise AssertionError

    def __getattr__(self, name):
        raise AssertionError(name)


def test_names():
    class Callable:
        def __call__(self):
            pass

    class Method:
        def run(self):
            pass

    import functools

    runs = [Callable(), Method().run, functools.partial(int, 3), int, len]
    with recorded() as timeline:
        for run in runs:
            each = greenlet(run)
            each.switch(*([()] if run is len else []))
        Named(lambda: None).switch()
        given = greenlet(lambda: None)
        given.name = "reader"
        given.switch()
    names = [track.name for track in timeline.tracks.values()]
    assert sorted(names) == [
        "Callable", "Method.run", "Named <lambda>", "int", "int", "len", "main", "reader <lambda>",
    ]  # fmt: skip


def test_one_timeline_at_a_time(tmp_path):
    with switchlib.timeline(tmp_path / "one.json"):
        with pytest.raises(RuntimeError, match="already"):
            switchlib.start_timeline(tmp_path / "two.json")
        with (
            pytest.raises(RuntimeError, match="already"),
            switchlib.timeline(tmp_path / "two.json"),
        ):
            raise AssertionError
    assert _timeline.read(tmp_path / "one.json").switches == 0
    with pytest.raises(RuntimeError, match="no timeline"):
        switchlib.stop_timeline()


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="pftrace"):
        switchlib.start_timeline(tmp_path / "x.txt")
    with pytest.raises(ValueError, match="at least one"):
        switchlib.start_timeline(tmp_path / "x.json", records=0)
    with pytest.raises(FileNotFoundError):
        switchlib.start_timeline(tmp_path / "missing" / "x.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(IsADirectoryError):
        switchlib.start_timeline(tmp_path / "folder.json")
    with pytest.raises((MemoryError, ValueError, OverflowError)):
        switchlib.start_timeline(tmp_path / "x.json", records=2**62)
    assert _mechanism.timeline_counts() is None


def test_the_file_is_written_when_an_exception_leaves(tmp_path):
    def run():
        with switchlib.timeline(tmp_path / "x.json"):
            greenlet(lambda: None).switch()
            raise Mine

    with pytest.raises(Mine):
        run()
    assert len(_timeline.read(tmp_path / "x.json").slices) == 3


def test_a_file_that_cannot_be_written_at_the_end(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    switchlib.start_timeline(folder / "x.json")
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        switchlib.stop_timeline()
    assert _mechanism.timeline_counts() is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read(tmp_path, suffix):
    path = tmp_path / f"timeline{suffix}"
    main = getcurrent()

    def work():
        switchlib.mark('a "mark" \N{SNOWMAN}')
        main.switch(switchlib.label(object(), "label"))
        raise Mine

    _timeline.begin(1000)
    each = greenlet(work)
    each.switch()
    in_thread(lambda: greenlet(lambda: None).switch())
    with pytest.raises(Mine):
        each.switch()
    timeline = _timeline.end()
    _timeline.write(timeline, str(path))
    read = _timeline.read(path)
    check(read)

    def key(each):
        return (each.thread, each.begin, each.end)

    assert sorted(read.slices, key=key) == sorted(timeline.slices, key=key)
    for name in ("pid", "program", "begin", "end", "dropped", "kept_from", "threads", "tracks",
                 "marks"):  # fmt: skip
        assert getattr(read, name) == getattr(timeline, name), name


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\x0a\xff", b"\xff" * 100])
@pytest.mark.once
def test_what_is_no_timeline(tmp_path, suffix, content):
    path = tmp_path / f"timeline{suffix}"
    path.write_bytes(content)
    with pytest.raises((ValueError, OSError)):
        _timeline.read(path)


@pytest.mark.once
def test_a_file_that_is_cut_off(tmp_path):
    path = tmp_path / "timeline.pftrace"
    with switchlib.timeline(path):
        greenlet(lambda: None).switch()
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(ValueError, match="cut off"):
        _timeline.read(path)


ENDS_WHILE_RECORDING = """\
import sys, switchlib
from switchlib import getcurrent, greenlet
switchlib.start_timeline(sys.argv[1])
main = getcurrent()
def work():
    while True:
        main.switch()
each = greenlet(work)
for _ in range(10):
    each.switch()
"""


@pytest.mark.once
def test_the_interpreter_ends_while_recording(tmp_path, python):
    path = tmp_path / "timeline.json"
    python("-c", ENDS_WHILE_RECORDING, str(path))
    timeline = _timeline.read(path)
    check(timeline)
    assert len(timeline.slices) == 21


FORKS = """\
import os, sys, switchlib
from switchlib import getcurrent, greenlet
switchlib.start_timeline(sys.argv[1])
main = getcurrent()
def work():
    while True:
        main.switch()
each = greenlet(work)
each.switch()
child = os.fork()
each.switch()
if child == 0:
    from switchlib import _mechanism
    assert _mechanism.timeline_counts() is None
    each.switch()
    with switchlib.timeline(sys.argv[2]):
        each.switch()
else:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.once
def test_a_forked_child_leaves_the_file_alone(tmp_path, python):
    path, other = tmp_path / "timeline.json", tmp_path / "child.json"
    python("-W", "ignore::DeprecationWarning", "-c", FORKS, str(path), str(other))
    timeline, of_child = _timeline.read(path), _timeline.read(other)
    assert len(timeline.slices) == 5
    assert len(of_child.slices) == 3
    assert timeline.pid != of_child.pid


A_MILLION = """\
import sys, switchlib
from switchlib import getcurrent, greenlet
main = getcurrent()
def work():
    while True:
        main.switch()
each = greenlet(work)
with switchlib.timeline(sys.argv[1], records=1000):
    for _ in range(500_000):
        each.switch()
"""


@pytest.mark.once
def test_a_mark_in_a_thread_without_greenlets(tmp_path, python):
    path = tmp_path / "timeline.json"
    program = (
        "import sys, switchlib\nwith switchlib.timeline(sys.argv[1]):\n switchlib.mark('here')"
    )
    python("-c", program, str(path))
    timeline = _timeline.read(path)
    assert [each.text for each in timeline.marks] == ["here"]
    assert [track.name for track in timeline.tracks.values()] == ["main"]


@pytest.mark.once
def test_a_million_switches(tmp_path, python):
    path = tmp_path / "timeline.pftrace"
    python("-c", A_MILLION, str(path))
    timeline = _timeline.read(path)
    check(timeline)
    assert timeline.dropped == 1_000_000 - 1024
    assert len(timeline.slices) == 1024 + 1


@pytest.mark.cpython("memory is not counted there")
def test_nothing_leaks():
    def round_():
        with recorded(100):
            each = greenlet(lambda: getcurrent().parent.switch())
            each.switch()
            switchlib.label(object(), "x")
            each.switch()

    round_()
    gc.collect()
    before = sys.getrefcount(greenlet), len(gc.get_objects())
    for _ in range(50):
        round_()
    gc.collect()
    after = sys.getrefcount(greenlet), len(gc.get_objects())
    assert after[0] == before[0]
    assert after[1] - before[1] < 25


def test_a_destructor_that_switches_while_a_name_is_asked_for():
    """While the recorder asks for a name, the thread cannot switch."""
    main = getcurrent()
    errors = []

    class Trap(greenlet):
        def __getattribute__(self, name):
            if name not in ("__dict__", "__class__"):
                try:
                    main.switch()
                except switchlib.error as error:
                    errors.append(error)
            return super().__getattribute__(name)

    with recorded() as timeline:
        each = Trap(lambda: None)
        greenlet.switch(each)
    check(timeline)


def test_environment_of_this_process_is_not_left_behind():
    assert "SWITCHLIB_TIMELINE" not in os.environ
