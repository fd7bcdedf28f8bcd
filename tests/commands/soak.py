"""A soak test: a few operations, very often. Resident memory must not grow.

    python -m tests.commands.soak [--scale SHARE] [--write] [PIECE ...]

Runs each piece (default: all) in a process of its own and prints a table; with --write it goes into
docs/testing.md. A piece counts what it does, and samples the memory of its process a hundred times.
The first fifth is for warming up; what is resident at the end may not be more than two mebibytes
above the most that was resident then.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import multiprocessing
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from switchlib import GreenletExit, _mechanism, getcurrent, greenlet
from switchlib._switch import lib

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
MARKS = "<!-- python -m tests.commands.soak --write -->", "<!-- end -->"
SAMPLES = 100
MIB = 1 << 20
ALLOWED_GROWTH = 2 * MIB


def switches(scale: float) -> Iterator[int]:
    """A switch into a greenlet and back counts as two."""
    main = getcurrent()

    def answer() -> None:
        while True:
            main.switch()

    each = greenlet(answer)
    times = int(10**8 * scale / SAMPLES / 2)
    for _ in range(SAMPLES):
        for _ in range(times):
            each.switch()
        yield 2 * times


def spawns(scale: float) -> Iterator[int]:
    """Every second one ends by itself; the others are suspended and lose their last reference."""
    main = getcurrent()
    times = int(10**6 * scale / SAMPLES / 2)
    for _ in range(SAMPLES):
        for number in range(times):
            assert greenlet(lambda number: number).switch(number) == number
            assert greenlet(lambda number: main.switch(number)).switch(number) == number
        yield 2 * times


def cycles(scale: float) -> Iterator[int]:
    """Suspended greenlets that only their own frames keep alive:
    nothing but a collection ends them.

    One owns itself by a local, a cell or what it iterates over, or has a running generator;
    or two own each other.
    """
    main = getcurrent()
    ended = 0

    def wait(
        held: Any = None,
    ) -> None:  # up to 3.10 the caller owns an argument, too, where it is not seen
        nonlocal ended
        try:
            main.switch()
        finally:
            ended += 1

    def by_local() -> None:
        me = getcurrent()
        wait()
        del me

    def by_cell() -> None:
        me = getcurrent()

        def look() -> greenlet:
            return me

        wait()

    def by_generator() -> None:
        def generator() -> Iterator[None]:
            wait()
            yield

        me = getcurrent()
        for _ in generator():
            pass
        del me

    def by_loop() -> None:
        for _ in itertools.repeat(getcurrent()):
            wait()

    kinds = by_local, by_cell, by_generator, by_loop
    times = int(10**6 * scale / SAMPLES / 4)
    for _ in range(SAMPLES):
        before = ended
        for number in range(times):
            for _ in range(2):
                greenlet(kinds[number % 4]).switch()
            one, other = greenlet(wait), greenlet(wait)
            one.switch(other)
            other.switch(one)
            del one, other
        gc.collect()
        getcurrent()
        assert ended - before == 4 * times, f"{ended - before} of {4 * times} have ended"
        yield 4 * times


def threads(scale: float) -> Iterator[int]:
    """Fifty threads at a time, each with twenty greenlets, one of which another thread drops;
    counts threads.
    """
    meeting = threading.Barrier(51)
    left: list[greenlet] = []

    def work() -> None:
        main = getcurrent()

        def answer() -> None:
            while True:
                main.switch()

        many = [greenlet(answer) for _ in range(20)]
        for _ in range(50):
            for each in many:
                each.switch()
        left.append(many.pop())
        del each
        meeting.wait()
        meeting.wait()  # dropped by now; it dies here, as this thread ends

    for _ in range(SAMPLES):
        rounds = max(1, int(10 * scale))
        for _ in range(rounds):
            running = [threading.Thread(target=work) for _ in range(50)]
            for thread in running:
                thread.start()
            meeting.wait()
            left.clear()
            meeting.wait()
            for thread in running:
                thread.join()
        yield rounds * 50


STEPS = 300
EXPECTED = (
    LookupError,
    ValueError,
    AttributeError,
)  # thrown by another; a parent that would make a cycle, or is main


class Program:
    """Greenlets that each do what a random generator says; what they hold,
    drop and throw is their own affair.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.main = getcurrent()
        self.greenlets: list[greenlet] = []
        self.survivors: list[greenlet] = []  # which need no other reference
        self.all: weakref.WeakSet[greenlet] = weakref.WeakSet()
        self.steps = 0

    def run(self, *arguments: Any, **keywords: Any) -> Any:
        try:
            return self.take_steps()
        except GreenletExit:
            if self.steps < STEPS and self.random.random() < 0.1:
                self.survivors.append(getcurrent())
                self.main.switch("lives on")
            raise
        finally:
            self.steps += 1

    def take_steps(self) -> Any:
        chance = self.random.random
        while chance() > 0.05 and self.steps < STEPS:
            self.steps += 1
            with contextlib.suppress(*EXPECTED):
                self.take_step()
        return self.steps

    def take_step(self) -> None:
        chance, choose = self.random.random, self.random.choice
        what = chance()
        if what < 0.2 or not self.greenlets:
            parent = choose(self.greenlets) if self.greenlets and chance() < 0.3 else self.main
            self.greenlets.append(greenlet(self.run, parent))
            self.all.add(self.greenlets[-1])
            return
        other = choose(self.greenlets)
        if what < 0.5:
            other.switch(*range(self.random.randrange(4)))
        elif what < 0.6:
            sorted([3, 1, 2], key=lambda key: (other.switch(key) and key) or key)
        elif what < 0.7:
            other.switch(keyword=what)
        elif what < 0.8:
            other.throw(choose([LookupError, ValueError("thrown"), GreenletExit]))
        elif what < 0.9:
            self.greenlets.remove(other)
        elif what < 0.95:
            other.parent = choose(self.greenlets)
        else:
            self.main.switch()

    def finish(self) -> None:
        """Ends them all: those that wait for each other would else hold each
        other by the frames they wait in.
        """
        self.steps = STEPS
        self.greenlets.clear()
        for each in list(self.all):
            each.parent = self.main
        while living := [each for each in self.all if each]:
            with contextlib.suppress(*EXPECTED):
                living.pop().throw()
        self.survivors.clear()


def programs(scale: float) -> Iterator[int]:
    """Random programs for ten minutes; counts programs."""
    sys.unraisablehook = lambda event: None  # what greenlets raise as they are killed
    seed = 0
    for _ in range(SAMPLES):
        first, end = seed, time.monotonic() + 600 * scale / SAMPLES
        while time.monotonic() < end:
            program = Program(seed)
            program.take_steps()
            program.finish()
            seed += 1
        yield seed - first


PIECES: dict[str, Callable[[float], Iterator[int]]] = {
    function.__name__: function for function in (switches, spawns, cycles, threads, programs)
}


@dataclass
class Figures:
    piece: str
    count: int
    seconds: float
    before: int
    after: int
    left: int

    @property
    def flat(self) -> bool:
        return self.after - self.before <= ALLOWED_GROWTH

    def row(self) -> str:
        return (
            f"| {self.piece} | {self.count:,} | {self.seconds:.0f} | {self.before / MIB:.1f} | "
            f"{self.after / MIB:.1f} | {self.left} |"
        )


HEAD = (
    "| operation | repetitions | seconds | MiB resident after a fifth | MiB at the end "
    "| slices left in the heap |\n"
    "|---|---|---|---|---|---|"
)


def measure(piece: str, scale: float, answer: Any) -> None:
    process = psutil.Process()
    count, started, resident = 0, time.monotonic(), []
    for done in PIECES[piece](scale):
        count += done
        gc.collect()
        resident.append(process.memory_info().rss)
    seconds = time.monotonic() - started
    gc.collect()
    kept = _mechanism.slice_of(getcurrent())[4] > 0
    answer.send(
        Figures(
            piece,
            count,
            seconds,
            max(resident[: SAMPLES // 5]),
            resident[-1],
            lib.stack_counts.buffers - kept,
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "pieces", nargs="*", choices=[[], *PIECES], metavar="PIECE", help=", ".join(PIECES)
    )
    parser.add_argument(
        "--scale", type=float, default=1, help="a share of the whole, for trying it out"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/testing.md")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    found = []
    print(HEAD)
    for piece in options.pieces or PIECES:
        receive, send = context.Pipe(duplex=False)
        child = context.Process(target=measure, args=(piece, options.scale, send))
        child.start()
        send.close()
        try:
            found.append(receive.recv())
        except EOFError:
            print(f"{piece} did not come to its end")
            return 1
        child.join()
        print(found[-1].row(), flush=True)
    if options.write:
        text = PAGE.read_text()
        begin, end = (text.index(mark) for mark in MARKS)
        table = "\n".join([HEAD, *(figures.row() for figures in found)])
        PAGE.write_text(f"{text[:begin]}{MARKS[0]}\n\n{table}\n\n{text[end:]}")
    return 0 if all(figures.flat for figures in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
