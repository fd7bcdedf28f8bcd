"""Two greenlets take turns: which one runs, what it prints,
and where the stacks are at each step.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable

from switchlib import _drawing
from switchlib._greenlet import greenlet
from switchlib._mechanism import getcurrent
from switchlib._picture import VISIBLE, drawing, picture

INTRODUCTION = """\
gr1 prints 12, switches to gr2, and prints 34. gr2 prints 56, switches to gr1,
and prints 78. The C stack grows downwards, from stop to start; of these
addresses the last 32 bits are shown. A suspended greenlet keeps its bytes on
the C stack until another one needs the place. Then they are copied to the heap,
and they are copied back when it resumes. The owners are the greenlets whose
bytes lie on the C stack, from the running one up.
"""


def main(
    write: Callable[[str], object] = print, colours: bool | None = None, svg: str | None = None
) -> None:
    """Run the demo and `write` it line by line; with ANSI colours if asked for,
    by default on a terminal.

    With `svg` the same pictures are also drawn: into one file if the name ends in .svg, and
    otherwise into a directory, as step-1.svg and so on. Raises RuntimeError on PyPy, where stacks
    cannot be seen, and OSError if a file cannot be written.
    """
    if svg is not None and not VISIBLE:
        raise RuntimeError("on PyPy the C stack cannot be seen")
    bold, dim, plain = ("\033[1m", "\033[2m", "\033[0m") if _on_terminal(colours) else ("", "", "")
    greenlets: dict[str, greenlet] = {}
    numbers = itertools.count(1)
    is_one_file = svg is not None and svg.endswith(".svg")
    drawings: list[str] = []

    def step(text: str, printed: str = "") -> None:
        title = f"step {next(numbers)}: {text}"
        write(f"{bold}{printed:>4}{plain}   {title}")
        for line in picture(greenlets, getcurrent()).splitlines():
            write(f"{dim}          {line}{plain}")
        write("")
        if svg is not None:
            drawings.append(drawing(greenlets, title, styled=not is_one_file))

    def test1() -> None:
        step("gr1 runs for the first time, below main, and prints 12", "12")
        gr2.switch()
        step("gr1 resumes where it stopped, and prints 34", "34")

    def test2() -> None:
        step("gr1 called gr2.switch(): gr2 runs, and prints 56", "56")
        gr1.switch()
        step("gr2 resumes where it stopped, and prints 78", "78")

    gr1, gr2 = greenlet(test1), greenlet(test2)
    greenlets.update(main=getcurrent(), gr1=gr1, gr2=gr2)

    write(INTRODUCTION)
    step("main has made gr1 and gr2; next it calls gr1.switch()")
    gr1.switch()
    step("gr1 has ended, and its parent resumes: main")
    step("main calls gr2.switch(), since gr2 is still suspended")
    gr2.switch()
    step("gr2 has ended too: main is alone")
    if svg is not None:
        _save(drawings, svg, is_one_file)


def _save(drawings: list[str], path: str, is_one_file: bool) -> None:
    if is_one_file:
        files = {path: _drawing.below_each_other(drawings)}
    else:
        os.makedirs(path, exist_ok=True)
        files = {os.path.join(path, f"step-{n}.svg"): text for n, text in enumerate(drawings, 1)}
    for name, text in files.items():
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)


def _on_terminal(colours: bool | None) -> bool:
    return sys.stdout.isatty() if colours is None else colours
