"""The page in a browser: `nox -s page`."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from switchlib import __main__
from switchlib._timeline import chrome
from tests.report import examples

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: nox -s page"
)
pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        BROWSER is None, reason="chromium is not installed: apt-get install chromium"
    ),
]

USABLE = 3.0  # seconds until a page can be used
NAMELESS = """
() => [...document.querySelectorAll(
    'button, input, [role=tree], [role=listbox], [role=application], [role=tabpanel], [role=img]')]
  .filter((each) => each.checkVisibility())
  .filter((each) => !each.getAttribute('aria-label') && !each.textContent.trim()
    && each.getAttribute('aria-hidden') !== 'true')
  .map((each) => each.outerHTML)
"""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = driver.chromium.launch(executable_path=BROWSER, args=sandbox)
        yield opened
        opened.close()


@pytest.fixture
def show(browser, tmp_path):
    """Makes a page of what `dump --json` printed, or of a timeline, and opens it."""
    pages, wrong = [], []

    def open_(found, scheme="light", width=1280):
        source, file = tmp_path / "source.json", tmp_path / "page.html"
        if isinstance(found, dict):
            source.write_text(json.dumps(found))
        else:
            chrome.write(found, str(source))
        assert __main__.main(["report", str(source), "-o", str(file)]) == 0
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
        pages.append(page)
        page.on("pageerror", lambda error: wrong.append(error.message))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on(
            "request", lambda request: request.url == file.as_uri() or wrong.append(request.url)
        )
        began = time.monotonic()
        page.goto(file.as_uri())
        page.wait_for_selector(":root[data-ready]")
        page.usable_after = time.monotonic() - began
        return page

    yield open_
    for page in pages:
        page.close()
    assert wrong == [], "errors, or requests for other files"


def rows(page):
    return page.locator("[role=tabpanel]:visible .row")


def chosen(page):
    return page.locator("[role=tabpanel]:visible .row[aria-selected=true]")


def title(page):
    return page.inner_text("#details h2")


def test_search_finds_and_enter_goes_there(show):
    page = show(examples.snapshot(1000))
    page.keyboard.press("/")
    page.keyboard.type("POLL")
    page.wait_for_function("() => found.textContent === '333 found'")
    page.keyboard.press("Enter")
    assert title(page) == "poll"
    assert "poll" in chosen(page).inner_text()
    assert chosen(page).locator("mark").count() == 1
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    page.wait_for_function("() => found.textContent === ''")
    assert "poll" in chosen(page).inner_text(), "the choice stays"


@pytest.mark.parametrize("query", ["wait", "hub.py", "0x7f0000000040", "suspended", "mainthread"])
def test_search_looks_at_stacks_addresses_and_states(show, query):
    page = show(examples.snapshot(5))
    page.fill("#search", query)
    count = {"0x7f0000000040": 1, "suspended": 4}.get(query, 5)
    page.wait_for_function(f"() => found.textContent === '{count} found'")


def test_nothing_found(show):
    page = show(examples.snapshot(5))
    page.fill("#search", "no such thing")
    page.wait_for_function("() => found.textContent === '0 found'")
    assert page.inner_text(".empty:visible") == "Nothing found"


def test_the_tree_by_keyboard(show):
    page = show(examples.snapshot(1000))
    page.keyboard.press("1")
    page.keyboard.press("ArrowDown")
    assert chosen(page).get_attribute("aria-level") == "1"
    page.keyboard.press("ArrowDown")
    assert title(page) == "main"
    assert chosen(page).get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowLeft")
    assert chosen(page).get_attribute("aria-expanded") == "false"
    assert rows(page).count() == 2
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert chosen(page).get_attribute("aria-level") == "3"
    page.keyboard.press("End")
    assert chosen(page).is_visible()
    assert chosen(page).locator("code").inner_text() == hex(0x7F0000000000 + 64 * 999)
    active = page.get_attribute(".list:visible", "aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowLeft")
    assert title(page) == "main"


def test_a_twisty_closes_what_is_below(show):
    page = show(examples.snapshot(1000))
    page.click(".twisty >> nth=1")
    assert rows(page).count() == 2


def test_details_lead_to_the_parent(show):
    page = show(examples.snapshot(100))
    page.keyboard.press("1")
    page.keyboard.press("End")
    assert "544 B: 0 B in place, 544 B in the heap" in page.inner_text("#details")
    page.click("#details .link")
    assert title(page) == "main"
    assert chosen(page).is_visible()


def test_stacks_show_source_and_lead_to_the_tree(show):
    page = show(examples.snapshot(1000))
    page.click("role=tab >> text=Stacks")
    assert rows(page).first.inner_text().split()[:2] == ["333", "suspended"]
    rows(page).first.click()
    frame = page.locator(".frame").first
    first_line = Path(examples.__file__).read_text().splitlines()[0]
    assert first_line in frame.inner_text()
    frame.locator("summary").click()
    assert first_line in frame.locator(".here").inner_text()
    page.click("text=Show in the tree")
    assert page.inner_text("#found") == "333 found"
    assert page.get_attribute("role=tab >> nth=0", "aria-selected") == "true"
    page.click("[aria-label='Show all']")
    assert page.inner_text("#found") == ""


def test_memory_is_sorted_by_its_columns(show):
    large = examples.greenlet(5000, function="large", stack_bytes=10**6, saved_bytes=10**6)
    page = show(examples.snapshot(1000, [large]))
    page.click("role=tab >> text=Memory")
    assert rows(page).first.inner_text().startswith("large")
    page.click("role=tabpanel >> role=button >> text=Greenlets")
    assert rows(page).first.inner_text().split()[1] == "333"
    page.click("role=tabpanel >> role=button >> text=Greenlets")
    assert "main greenlets" in rows(page).first.inner_text() + rows(page).nth(1).inner_text()
    page.click("role=tabpanel >> role=button >> text=Run function")
    assert rows(page).first.inner_text().startswith("flush")
    rows(page).first.click()
    assert title(page) == "flush"


def test_waits_and_deadlocks(show):
    page = show(examples.deadlock())
    assert page.inner_text(".badge.bad") == "1 cycle"
    page.click("role=tab >> text=Waits")
    assert "Deadlock of 2 greenlets" in page.inner_text(".deadlock")
    assert "1 more wait" in page.inner_text(".deadlock")
    assert page.locator(".deadlock path[marker-end]").count() == 2
    page.locator(".deadlock [role=button]").nth(1).focus()
    page.keyboard.press("Enter")
    assert title(page) == "checking"
    assert "held by savings" in page.inner_text("#details").replace("\n", " ")
    page.fill("#search", "task-9")
    page.wait_for_function("() => found.textContent === '1 found'")


def test_a_process_without_waits_has_no_such_view(show):
    page = show(examples.snapshot(10))
    titles = page.locator("role=tab").all_inner_texts()
    assert titles == ["Tree10", "Stacks4", "Memory", "C stack"]


def test_the_c_stack(show):
    page = show(examples.snapshot(10))
    page.click("role=tab >> text=C stack")
    drawing = page.locator("svg.stacks:visible")
    assert drawing.count() == 1
    assert "handle \N{MULTIPLICATION SIGN} 3" in drawing.text_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_the_button(show, scheme):
    page = show(examples.snapshot(10), scheme)
    other = {"light": "dark", "dark": "light"}[scheme]
    theme = "document.documentElement.dataset.theme"
    background = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(background)
    assert page.evaluate(theme) == scheme
    page.click("#theme")
    assert page.evaluate(theme) == other
    assert page.evaluate(background) != before
    page.reload()
    assert page.evaluate(theme) == other, "the choice is kept"


def test_texts_of_the_program_are_only_texts(show):
    hostile = [
        examples.greenlet(
            n,
            name,
            function=name,
            **{"class": name},
            frames=[{"filename": name, "line": 1, "function": name}],
        )
        for n, name in enumerate(examples.HOSTILE, 1)
    ]
    found = examples.snapshot(1, hostile)
    found["threads"][0]["name"] = examples.HOSTILE[0]
    found["notes"] = examples.HOSTILE
    page = show(found)
    tree = page.inner_text(".tree")
    for shown in examples.SHOWN:
        assert shown in tree
    for tab in range(page.locator("role=tab").count()):
        page.locator("role=tab").nth(tab).click()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
    assert page.evaluate("window.broken") is None
    assert page.locator("img").count() == 0


def test_a_timeline_with_hostile_texts(show):
    recorded = examples.timeline(20)
    for track, name in zip(recorded.tracks.values(), examples.HOSTILE):
        track.name = track.made_at = name
    for slice_, name in zip(recorded.slices, examples.HOSTILE):
        slice_.label = slice_.place = name
    page = show(recorded)
    for number in range(1, 5):
        page.fill("#search", f"#{number}")
        page.keyboard.press("Enter")
        page.keyboard.press("n")
    page.fill("#search", "")
    page.click("role=tab >> text=Totals")
    page.wait_for_selector(".table .row")
    assert page.evaluate("window.broken") is None
    assert examples.SHOWN[0] in page.inner_text(".table")


def test_everything_has_a_name(show):
    for found in (examples.deadlock(), examples.timeline(20)):
        page = show(found)
        for tab in range(page.locator("role=tab").count()):
            page.locator("role=tab").nth(tab).click()
            assert page.evaluate(NAMELESS) == []


def test_all_is_reached_by_the_tab_key(show):
    page = show(examples.snapshot(10))
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.getAttribute('role')"
            )
        )
    assert {"search", "theme", "help", "tab", "tree"} <= reached


def test_tabs_by_arrow_keys(show):
    page = show(examples.snapshot(10))
    page.focus("role=tab >> nth=0")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent").startswith("Stacks")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.textContent") == "C stack"


def test_the_keys_are_listed(show):
    page = show(examples.timeline(20))
    page.keyboard.press("?")
    assert "the whole timeline" in page.inner_text("dialog")
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog")


@pytest.mark.parametrize("width", [400, 700, 1024])
def test_narrow_windows(show, width):
    page = show(examples.snapshot(100), width=width)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.evaluate("document.scrollingElement.scrollHeight") <= 800
    assert 5 < page.locator(".tree .row").count() < 60
    page.click(".tree .row >> nth=1")
    assert page.locator(".frame").first.is_visible()


def test_parents_in_a_cycle_and_very_deep_ones(show):
    cycle = [
        examples.greenlet(5001, parent=0x7F0000000000 + 64 * 5002),
        examples.greenlet(5002, parent=0x7F0000000000 + 64 * 5001),
    ]
    chain = [examples.greenlet(n, parent=0x7F0000000000 + 64 * (n - 1)) for n in range(6000, 16000)]
    chain[0]["parent"] = None
    page = show(examples.snapshot(1, cycle + chain))
    page.keyboard.press("1")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    assert "parents in a cycle" in page.inner_text(".tree") or chosen(page).count() == 1
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("text=parents in a cycle")


@pytest.mark.parametrize("count", [1_000, 50_000])
def test_many_greenlets(show, count):
    page = show(examples.snapshot(count))
    assert page.usable_after < USABLE
    for key in ("1", "End"):
        page.keyboard.press(key)
    assert chosen(page).locator("code").inner_text() == hex(0x7F0000000000 + 64 * (count - 1))
    assert rows(page).count() < 60, "the others are no elements"
    began = time.monotonic()
    page.fill("#search", "flush")
    page.wait_for_function(f"() => found.textContent === '{(count - 1) // 3:,} found'")
    page.click("role=tab >> text=Stacks")
    rows(page).first.click()
    page.click("text=Show in the tree")
    page.click("role=tab >> text=Memory")
    assert time.monotonic() - began < USABLE


# The timeline


def window(page):
    return page.evaluate("[app.views[0].from, app.views[0].to]")


def test_the_timeline_by_keyboard(show):
    recorded = examples.timeline(20)
    page = show(recorded)
    length = recorded.end - recorded.begin
    assert window(page) == [0, length]
    page.focus(".timeline")
    page.keyboard.press("+")
    begin, end = window(page)
    assert end - begin == pytest.approx(length / 1.5)
    page.keyboard.press("d")
    assert window(page) == pytest.approx([begin + 0.1 * (end - begin), end + 0.1 * (end - begin)])
    page.keyboard.press("Home")
    assert window(page)[0] == 0
    page.keyboard.press("End")
    assert window(page)[1] == pytest.approx(length)
    page.keyboard.press("0")
    assert window(page) == [0, length]
    page.keyboard.press("ArrowDown")
    assert title(page) == "main #1"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("n")
    own = [each for each in recorded.slices if each.greenlet == 2]
    assert page.evaluate("app.views[0].timeline.begin[app.views[0].slice]") == (
        own[0].begin - recorded.begin
    )
    page.keyboard.press("n")
    assert "resumed at" in page.inner_text("#details")
    page.keyboard.press("p")
    page.keyboard.press("f")
    begin, end = window(page)
    assert end - begin == pytest.approx(1.6 * (own[0].end - own[0].begin))
    assert "started by main #1" in page.inner_text("#details").replace("\n", " ")
    for _ in range(60):
        page.keyboard.press("+")
    begin, end = window(page)
    assert end - begin == pytest.approx(50)


def test_the_timeline_by_pointer(show):
    recorded = examples.timeline(20)
    page = show(recorded)
    box = page.locator(".timeline canvas").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 26 + 11)
    page.wait_for_selector(".tip:visible")
    page.mouse.click(box["x"] + 300, box["y"] + 26 + 11)
    assert " ran for " in title(page)
    page.mouse.down()
    page.keyboard.press("Control")
    page.mouse.up()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.wait_for_function(
        f"() => app.views[0].to - app.views[0].from < {recorded.end - recorded.begin} / 2"
    )
    page.keyboard.up("Control")
    before = window(page)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 40, steps=3)
    page.mouse.up()
    assert window(page)[0] > before[0]
    page.mouse.click(box["x"] + 40, box["y"] + 26 + 11)
    assert page.evaluate("app.views[0].rows.length") == 1 + 1 + 10, "a thread was closed"


def test_search_in_a_timeline(show):
    page = show(examples.timeline(30))
    page.fill("#search", "flush")
    page.wait_for_function("() => found.textContent === '10 found'")
    page.keyboard.press("Enter")
    assert title(page).startswith("flush_cache #")
    page.click("role=tab >> text=Totals")
    assert rows(page).count() == 1


def test_totals_lead_to_the_timeline(show):
    recorded = examples.timeline(30)
    page = show(recorded)
    page.click("role=tab >> text=Totals")
    ran = {}
    for each in recorded.slices:
        name = recorded.tracks[each.greenlet].name
        ran[name] = ran.get(name, 0) + each.end - each.begin
    most = max(ran, key=ran.get)
    assert rows(page).first.inner_text().startswith(most)
    rows(page).first.click()
    longest = max(
        each.end - each.begin
        for each in recorded.slices
        if recorded.tracks[each.greenlet].name == most
    )
    page.click("#details .link >> nth=0")
    assert page.get_attribute("role=tab >> nth=0", "aria-selected") == "true"
    assert page.evaluate("app.timeline.span(app.views[0].slice)") == longest


def test_a_timeline_is_drawn_anew_in_other_colours(show):
    page = show(examples.timeline(20))
    drawn = "document.querySelector('.timeline canvas').toDataURL()"
    before = page.evaluate(drawn)
    page.click("#theme")
    page.wait_for_timeout(200)
    after = page.evaluate(drawn)
    assert after != before
    page.click("#theme")
    page.wait_for_timeout(200)
    assert page.evaluate(drawn) == before


def test_an_empty_timeline(show):
    recorded = examples.timeline(2)
    recorded.slices.clear()
    recorded.tracks.clear()
    recorded.marks.clear()
    recorded.threads.clear()
    recorded.end = recorded.begin
    page = show(recorded)
    page.focus(".timeline")
    for key in ("ArrowDown", "n", "f", "+", "0"):
        page.keyboard.press(key)


@pytest.mark.parametrize("count", [1_000, 50_000])
def test_a_long_timeline(show, count):
    page = show(examples.timeline(count))
    assert page.usable_after < USABLE
    page.focus(".timeline")
    began = time.monotonic()
    for key in ("+", "PageDown", "n", "f", "0"):
        page.keyboard.press(key)
    page.fill("#search", "render")
    page.wait_for_function("() => found.textContent.endsWith('found')")
    assert time.monotonic() - began < USABLE
    began = page.evaluate("performance.now()")
    page.evaluate("for (let i = 0; i < 10; i++) app.views[0]._draw()")
    assert (page.evaluate("performance.now()") - began) / 10 < 100
