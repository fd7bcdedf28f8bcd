"""switchlib/demo.py and switchlib/_picture.py."""

from __future__ import annotations

import re

import pytest

from switchlib import demo, getcurrent, greenlet
from switchlib._picture import owners, picture, rows


def lines(**options):
    written = []
    demo.main(written.append, **options)
    return "\n".join(written).splitlines()


def test_the_four_numbers_in_order():
    printed = [line[:4].strip() for line in lines(colours=False) if re.match(r" +\d+   step", line)]
    assert printed == ["12", "56", "34", "78"]


def test_the_eight_steps_and_their_current_greenlets():
    text = "\n".join(lines(colours=False))
    assert re.findall(r"step (\d):", text) == list("12345678")
    running = [line.split()[0] for line in text.splitlines() if line.split()[1:2] == ["current"]]
    assert running == ["main", "gr1", "gr2", "gr1", "main", "main", "gr2", "main"]


def test_it_fits_a_terminal_of_80_columns():
    assert max(map(len, lines(colours=False))) <= 80


def test_colours_only_if_wanted():
    assert "\033" not in "\n".join(lines())
    assert "\033" in "\n".join(lines(colours=True))


@pytest.mark.cpython("its stacks cannot be seen")
def test_the_figures_are_true():
    main = getcurrent()
    each = greenlet(lambda: main.switch())
    named = {"main": main, "each": each}
    each.switch()
    main_row, row = rows(named)
    assert (main_row.state, main_row.stop, main_row.on_stack) == ("current", None, None)
    assert row.state == "suspended"
    assert row.in_heap == each._stack_saved
    assert row.on_stack + row.in_heap == row.stop - row.start
    assert owners(named, main) == ["main"]
    assert "owners: main" in picture(named, main)
    each.switch()
    assert rows(named)[1].start is None


@pytest.mark.cpython("its stacks cannot be seen")
def test_the_owners_are_those_on_the_stack():
    main = getcurrent()
    named = {"main": main}
    named["inner"] = greenlet(lambda: main.switch(owners(named, named["inner"])))
    named["outer"] = greenlet(lambda: named["inner"].switch())
    assert named["outer"].switch() == ["inner", "outer", "main"]
    named["inner"].parent = main
    named.clear()
