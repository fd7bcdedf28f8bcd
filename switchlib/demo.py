"""Two greenlets take turns: which one runs, what it prints,
and where the stacks are at each step.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable

from switchlib._greenlet import greenlet
from switchlib._mechanism import getcurrent
from switchlib._picture import picture

INTRODUCTION = """\
gr1 prints 12, switches to gr2, and prints 34. gr2 prints 56, switches to gr1,
and prints 78. The C stack grows downwards, from stop to start; of these
addresses the last 32 bits are shown. A suspended greenlet keeps its bytes on
the C stack until another one needs the place. Then they are copied to the heap,
and they are copied back when it resumes. The owners are the greenlets whose
bytes lie on the C stack, from the running one up.
"""


def main(write: Callable[[str], object] = print, colours: bool | None = None) -> None:
    """Run the demo and `write` it line by line; with ANSI colours if asked for,
    by default on a terminal.
    """
    bold, dim, plain = ("\033[1m", "\033[2m", "\033[0m") if _on_terminal(colours) else ("", "", "")
    greenlets: dict[str, greenlet] = {}
    numbers = itertools.count(1)

    def step(text: str, printed: str = "") -> None:
        write(f"{bold}{printed:>4}{plain}   step {next(numbers)}: {text}")
        for line in picture(greenlets, getcurrent()).splitlines():
            write(f"{dim}          {line}{plain}")
        write("")

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


def _on_terminal(colours: bool | None) -> bool:
    return sys.stdout.isatty() if colours is None else colours
