"""switchlib/_report/ and switchlib/_drawing.py, without a browser."""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from switchlib import __main__, _drawing, demo
from switchlib._drawing import Slice
from switchlib._report import greenlets, page, sources, timeline
from switchlib._timeline import chrome
from switchlib.introspection.errors import IntrospectionError
from switchlib.introspection.source import source_line
from tests.introspection.conftest import target  # noqa: F401, the fixture
from tests.report import examples

pytestmark = pytest.mark.once

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _collector():
    """The command, which is a process otherwise, leaves it off."""
    yield
    gc.enable()


@pytest.fixture
def report(tmp_path, capsys):
    """Runs the command; returns the page's text and what was printed."""

    def run(source):
        output = tmp_path / "page.html"
        status = __main__.main(["report", str(source), "-o", str(output)])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        assert printed.out.strip() == str(output)
        return output.read_text(encoding="utf-8"), printed.err

    return run


def data_of(text):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1]
    )


def dumped(tmp_path, found):
    path = tmp_path / "dump.json"
    path.write_text(json.dumps(found))
    return path


@pytest.mark.cpython("its greenlets cannot be read")
@pytest.mark.skipif(sys.platform != "linux", reason="processes are read on Linux only so far")
def test_a_process(report, target):  # noqa: F811
    program = target("plain.py", "sleep")
    known = {each["id"]: each for each in json.loads(program.said)}
    text, _ = report(program.pid)
    data = data_of(text)
    columns = data["greenlets"]
    assert f"process {program.pid}" in text
    assert set(known) <= set(columns["id"])
    for i, address in enumerate(columns["id"]):
        if address not in known:
            continue
        assert data["texts"][columns["state"][i]] == known[address]["state"]
        parent = columns["parent"][i]
        assert (columns["id"][parent] if parent >= 0 else None) == known[address]["parent"]
        if known[address]["frames"] and known[address]["state"] == "suspended":
            file, line, _ = data["frames"][data["stacks"][columns["stack"][i]][-1]]
            known_file, known_line, _ = known[address]["frames"][-1]
            assert (data["texts"][file], line) == (known_file, known_line)
            source = Path(known_file).read_text().splitlines()[line - 1].rstrip()
            assert data["source"][str(file)][str(line)] == source
    assert text.count("<svg") == 2, "one for each thread"


def test_equal_stacks_are_there_once():
    data = greenlets.page_data(examples.snapshot(3000))
    assert len(data["greenlets"]["id"]) == 3000
    assert len(data["stacks"]) == 4, "one of main, and those of three functions"
    assert len(json.dumps(data)) < 3000 * 80


def test_waits_and_tasks():
    data = greenlets.page_data(examples.deadlock())
    text = data["texts"]
    assert {i: [text[wait[0]], text[wait[1]], wait[2]] for i, (wait,) in data["waits"].items()} == {
        1: ["lock 0x7f1000", ", held by ", 2],
        2: ["lock 0x7f1000", ", held by ", 1],
        3: ["end of greenlet", " ", 1],
    }
    assert data["deadlocks"] == [{"members": [1, 2], "certain": True, "behind": 1}]
    assert text[data["greenlets"]["task"][4]] == "Task-9"


def test_a_parent_that_was_not_read_is_none():
    data = greenlets.page_data(examples.snapshot(1, [examples.greenlet(9, parent=12345)]))
    assert data["greenlets"]["parent"] == [-1, -1]


@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".pftrace"])
def test_a_timeline(report, tmp_path, suffix):
    from switchlib import _timeline

    path = tmp_path / f"timeline{suffix}"
    recorded = examples.timeline(20)
    _timeline.write(recorded, str(path))
    data = data_of(report(path)[0])["timeline"]
    assert data["length"] == recorded.end - recorded.begin
    assert unpacked(data) == sorted(
        (each.thread, each.begin, each.end, each.greenlet, each.how, each.origin or None)
        if each.how
        else (each.thread, each.begin, each.end, each.greenlet, None, None)
        for each in recorded.slices
    )


def unpacked(data):
    """The slices, as timeline.js unpacks them."""
    columns, found, i = data["slices"], [], 0
    numbers = data["tracks"]["number"]
    for thread, count in enumerate(data["counts"], 1):
        end, before = 1_000_000, -1
        for _ in range(count):
            begin = end + columns["gap"][i]
            end = begin + columns["length"][i]
            how = timeline.HOW[columns["how"][i]]
            origin = data["origins"].get(str(i), before)
            origin = numbers[origin] if how and origin >= 0 else None
            found.append((thread, begin, end, numbers[columns["track"][i]], how, origin))
            before = columns["track"][i]
            i += 1
    return sorted(found)


def test_dropped_records_are_said(report, tmp_path):
    recorded = examples.timeline(20)
    recorded.dropped = 1234
    chrome.write(recorded, str(tmp_path / "timeline.json"))
    text, errors = report(tmp_path / "timeline.json")
    assert "the first 1,234 records" in text
    assert "the first 1,234 records" in errors


@pytest.mark.parametrize("name", ["/dev/zero", "a\0b", "\ud800.py", "/", "", "none.py"])
def test_what_is_named_as_source_may_be_anything(name):
    frame = {"filename": name, "line": 2, "function": "f"}
    found = examples.snapshot(1, [examples.greenlet(1, frames=[frame])])
    assert greenlets.page_data(found)["source"].keys() == {0}, "that of examples.py"
    assert source_line(name, 2) == ""


def test_lines_of_source():
    assert source_line(examples.__file__, 1).startswith('"""Greenlets and timelines')
    for number in (0, -1, None, 10**6):
        assert source_line(examples.__file__, number) == ""


def test_nothing_ends_the_data_or_the_title():
    hostile = [
        examples.greenlet(n, name, function=name, **{"class": name})
        for n, name in enumerate(examples.HOSTILE, 1)
    ]
    content = sources.Content(examples.HOSTILE[0], examples.HOSTILE, {"x": hostile})
    text = page.html_of(content)
    assert text.count("</script>") == len(page.SCRIPTS) + 1
    assert "<script>window.broken" not in text
    assert data_of(text) == {"x": hostile}
    assert text.count("<title>") == 1


def test_the_page_loads_nothing_from_elsewhere(report, tmp_path):
    text, _ = report(dumped(tmp_path, examples.snapshot(10)))
    links = set(re.findall(r"""(?:https?:)?//[\w.-]+\.\w+[^\s"'<)]*""", text))
    assert links == {"http://www.w3.org/2000/svg"}, "which is a name, not a link"
    assert not re.search(r"<(script|img|link|iframe)[^>]*\b(src|href)=", text)
    assert "default-src 'none'" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no core file, no timeline and not"),
        (b"\xff\xfe\x00", "is no core file, no timeline and not"),
        (b"[1, 2]", "is no core file, no timeline and not"),
        (b'{"traceEvents": []}', "is no core file, no timeline and not"),
        (b'{"version": 1}', "is not the output of `dump --json`"),
        (b'{"version": 1, "threads": 5, "is_core": 0}', "is not the output of `dump --json`"),
        (b'{"version": 99, "threads": []}', "is of another version of switchlib"),
        (b'{"version": 1, "is_core"', "is not the output of `dump --json`"),
        (b"\x7fELF and no more", "is not of a 64-bit"),
    ],
)
def test_what_is_none_of_these(tmp_path, capsys, content, message):
    path = tmp_path / "some.json"
    path.write_bytes(content)
    assert __main__.main(["report", str(path), "-o", str(tmp_path / "page.html")]) == 1
    error = capsys.readouterr().err
    assert " report: " in error
    assert message in error
    assert not (tmp_path / "page.html").exists()


def test_a_dump_without_frames(tmp_path):
    found = examples.snapshot(2)
    del found["threads"][0]["greenlets"][1]["frames"]
    with pytest.raises(IntrospectionError, match="has no frames"):
        sources.read(str(dumped(tmp_path, found)))


def test_errors_control_no_terminal(capsys):
    assert __main__.main(["report", "\x1b[2Jnone.json"]) == 1
    error = capsys.readouterr().err
    assert "\\x1b[2Jnone.json cannot be read" in error
    assert error.rstrip("\n").isprintable()


def test_files_that_cannot_be_read_or_written(tmp_path, capsys):
    assert __main__.main(["report", str(tmp_path / "none.json")]) == 1
    assert "none.json cannot be read: No such file" in capsys.readouterr().err
    source = str(dumped(tmp_path, examples.snapshot(2)))
    assert __main__.main(["report", source, "-o", str(tmp_path / "no" / "page.html")]) == 1
    assert "page.html cannot be written: No such file" in capsys.readouterr().err


def test_no_such_process(capsys):
    assert __main__.main(["report", "999999999"]) == 1
    assert "999999999" in capsys.readouterr().err


def test_lines_of_the_page_have_at_most_100_columns():
    files = [path for path in Path(page.__file__).with_name("page").iterdir() if path.is_file()]
    assert {path.stem for path in files} == {*page.SCRIPTS, "page"}
    lines = [(path.name, line) for path in files for line in path.read_text().splitlines()]
    assert [(name, line) for name, line in lines if len(line) > 100] == []


# Drawings


def boxes(svg):
    """The bars: class, left and right."""
    root = ElementTree.fromstring(svg)
    return [
        (rect.get("class"), float(rect.get("x")), float(rect.get("x")) + float(rect.get("width")))
        for rect in root.iter(f"{SVG}rect")
        if rect.get("x")
    ]


def test_a_drawing_has_what_is_where():
    main = Slice("main", "suspended", 1000, None)
    half = Slice("half", "suspended", 400, 1000, saved=200)
    running = Slice("running", "current", None, 600)
    svg = _drawing.stacks([main, half, running, Slice("new", "unstarted", None, None, 0, 1, False)])
    found = boxes(svg)
    bars, now = found[:4], found[4:]
    assert [kind for kind, *_ in bars] == ["stack", "stack", "heap", "current"]
    assert now == [bars[0], bars[1], bars[3]], "the C stack has all but what is in the heap"
    (_, _, main_end), (_, begin, end), (_, begin_in_heap, _), (_, begin_of_running, _) = bars
    assert main_end < begin < end < begin_in_heap == begin_of_running
    words = [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert words.count("400 B") == 1
    assert words.count("all the rest") == 1
    assert words.count("not known") == 1
    assert words.count("200 B") == 1


def test_names_in_drawings_are_escaped():
    slices = [Slice(name, "suspended", 100, 900) for name in examples.HOSTILE]
    for title in examples.HOSTILE:
        svg = _drawing.stacks(slices, title).encode()
        assert ElementTree.fromstring(svg).get("role") == "img"


def test_a_drawing_without_greenlets():
    assert boxes(_drawing.stacks([])) == []


def test_a_drawing_has_few_rows():
    many = [
        examples.greenlet(n, stack_start=1000 - n, stack_stop=1000, stack_bytes=n, saved_bytes=n)
        for n in range(1, 500)
    ]
    ((name, svg),) = greenlets.drawings(examples.snapshot(1, many))
    assert name == "MainThread"
    assert svg.count('class="name"') == 24


def test_equal_slices_are_one_row():
    ((_, svg),) = greenlets.drawings(examples.snapshot(1000))
    names = re.findall(r'class="name"[^>]*>([^<]*)<', svg)
    times = "\N{MULTIPLICATION SIGN} 333"
    assert sorted(names) == [f"flush {times}", f"handle {times}", "main", f"poll {times}"]


@pytest.mark.cpython("its stacks cannot be seen")
def test_the_demo_draws_what_it_prints(tmp_path):
    printed = []
    demo.main(printed.append, svg=str(tmp_path / "steps"))
    files = sorted((tmp_path / "steps").iterdir())
    assert [path.name for path in files] == [f"step-{n}.svg" for n in range(1, 9)]
    text = "\n".join(printed)
    for path in files:
        root = ElementTree.parse(path).getroot()
        words = [each.text for each in root.iter(f"{SVG}text")]
        assert words[0] in text
    assert [kind for kind, *_ in boxes(files[3].read_text())] == [
        *("stack", "current", "heap"),
        *("stack", "current"),
    ]


@pytest.mark.cpython("its stacks cannot be seen")
def test_the_demo_in_one_file(tmp_path):
    path = tmp_path / "demo.svg"
    demo.main(lambda line: None, svg=str(path))
    root = ElementTree.parse(path).getroot()
    drawings = root.findall(f"{SVG}svg")
    assert len(drawings) == 8
    tops = [float(each.get("y")) for each in drawings]
    assert tops == sorted(tops)


def test_the_demo_without_a_place_to_write(tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "switchlib", "demo", "--svg", str(tmp_path / "file" / "steps")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert " demo: " in done.stderr
    assert "Traceback" not in done.stderr
