"""Runs many random programs on switchlib with the shortcuts and without,
and compares with the model.

With --greenlet each program is also run by the real greenlet, in a process of its own with an
environment of its own (made for the time, with pip), unless the model says that it is one in which
greenlet is known to differ. A program that does something else is made as small as it gets, and
printed. A program depends on the seed and its number alone.

With --collects frames own greenlets, and collections find those that nothing else owns. Under `gc`
a program is then only compared if it leaves nothing to be found by other collections than its own.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import faulthandler
import gc
import json
import random
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import switchlib
from switchlib import _mechanism
from tests.model import chance
from tests.model.model import Model, follow
from tests.model.program import NESTED, Code, Program
from tests.model.real import CONDITIONS, UNSEEN, run_on, under

GREENLET = "greenlet==3.5.6"
PATIENCE = 600  # seconds for a thousand programs


def finally_runs_twice() -> bool:
    """Whether a `finally` block that raises runs again if a `return` in another one led to it, as
    on PyPy 8.0.1.
    """
    runs = []
    with contextlib.suppress(KeyError):
        try:
            try:
                raise ValueError
            finally:
                return False  # noqa: B012
        finally:
            runs.append(1)
            raise KeyError
    return len(runs) > 1


class Greenlet:
    """The real greenlet, in a process that is started again when a program ends it."""

    def __init__(self, environment: Path) -> None:
        venv.create(environment, with_pip=True)
        self.python = environment / "bin" / "python"
        subprocess.run([self.python, "-m", "pip", "install", "--quiet", GREENLET], check=True)
        self.process: subprocess.Popen[str] | None = None

    def run(self, program: Program) -> list[str]:
        if self.process is None:
            self.process = subprocess.Popen(
                [self.python, "-m", "tests.model.real", "greenlet"],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(program.to_json() + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)  # type: ignore[no-any-return]
        status = self.process.wait()
        self.process = None
        return [f"the process ended with status {status}"]

    def close(self) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait()


def on_switchlib(shortcuts: bool) -> Callable[[Program], list[str]]:
    def run(program: Program) -> list[str]:
        before = _mechanism.shortcuts(shortcuts)
        try:
            return run_on(switchlib, program)
        finally:
            _mechanism.shortcuts(before)

    return run


def differs(run: Callable[[Program], list[str]], anyhow: bool, program: Program) -> bool:
    """Whether a run's events are not the model's; unless `anyhow`,
    for another reason than those that are known.
    """
    events = run(program)
    model = follow(program, events, UNSEEN)
    return (anyhow or not model.differences) and events != model.events


def smaller(code: Code) -> Iterator[Code]:
    """Code with a part less, for each of its parts."""
    for place, instruction in enumerate(code):
        before, after = list(code[:place]), list(code[place + 1 :])
        yield before + after
        for operand in NESTED.get(instruction[0], ()):
            inner = instruction[operand]
            yield before + list(inner) + after
            for less in smaller(inner):
                yield [*before, [*instruction[:operand], less, *instruction[operand + 1 :]], *after]


def smaller_programs(program: Program) -> Iterator[Program]:
    parts = vars(program)
    if len(program.mains) > 1:
        yield Program(**parts | {"mains": program.mains[:1]})
    for name in ("mains", "bodies", "generators"):
        for place, code in enumerate(parts[name]):
            for less in smaller(code):
                yield Program(
                    **parts | {name: [*parts[name][:place], less, *parts[name][place + 1 :]]}
                )


def shrunk(program: Program, fails: Callable[[Program], bool]) -> Program:
    """The smallest program found that fails, too."""
    while True:
        try:
            program = next(less for less in smaller_programs(program) if fails(less))
        except StopIteration:
            return program


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--programs", type=int, default=100_000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="others for each number (%(default)s)")
    parser.add_argument(
        "--first", type=int, default=0, help="the number of the first program (%(default)s)"
    )
    parser.add_argument("--keeps", action="store_true", help="a reference to each greenlet is kept")
    parser.add_argument(
        "--collects", action="store_true", help="frames own greenlets, which are collected"
    )
    parser.add_argument("--under", choices=CONDITIONS, help="what happens while they run")
    parser.add_argument(
        "--greenlet", action="store_true", help="run them on the real greenlet, too"
    )
    options = parser.parse_args()
    if options.greenlet and options.collects:
        parser.error("greenlet does not collect what frames own")
    with tempfile.TemporaryDirectory() as directory:
        greenlet = Greenlet(Path(directory)) if options.greenlet else None
        try:
            with under(options.under, options.collects):
                return compare_many(options, greenlet)
        finally:
            if greenlet is not None:
                greenlet.close()


def random_program(seed: str, keeps: bool, collects: bool) -> Program:
    rng = random.Random(seed)
    return chance.program(
        lambda name: rng.choice(chance.TABLES[name]), keeps=keeps, collects=collects
    )


def compare_many(options: argparse.Namespace, greenlet: Greenlet | None) -> int:
    runs = {"switchlib, shortcuts": on_switchlib(True), "switchlib, policy": on_switchlib(False)}
    count: Counter[str] = Counter()
    runs_twice = finally_runs_twice()
    begun = time.monotonic()
    for number in range(options.first, options.first + options.programs):
        if number % 1000 == 0:
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            gc.collect()
            print(
                f"{number} programs, {count['events']} events, {time.monotonic() - begun:.0f} s",
                flush=True,
            )
        program = random_program(f"{options.seed} {number}", options.keeps, options.collects)
        model = Model(program, UNSEEN)
        expected = model.run()
        count["events"] += len(expected)
        count.update({f"found: {what}": many for what, many in model.found.items() if many})
        compared = options.under != "gc" or not model.lingers
        if runs_twice and program.returns_in_finally():
            compared = False
            count["programs not compared: this interpreter may run a finally block twice"] += 1
        count.update(
            {"programs that leave something to other collections"} if model.lingers else ()
        )
        who = dict(runs)
        if greenlet is not None:
            count.update(model.differences or {"on greenlet"})
            if not model.differences:
                who["greenlet"] = greenlet.run
        for name, run in who.items():
            events = run(program)
            if compared and events != expected and follow(program, events, UNSEEN).events != events:
                faulthandler.cancel_dump_traceback_later()
                same = shrunk(program, partial(differs, run, name in runs))
                events = run(same)
                print(f"\nprogram {number} of seed {options.seed}, {name}:\n\n{same}")
                print(
                    "\n".join(difflib.ndiff(follow(same, events, UNSEEN).events, events)),
                    f"\n\n{same!r}",
                )
                return 1
    print(
        f"{options.programs} programs, {count['events']} events, {time.monotonic() - begun:.0f} s: "
        "all as the model"
    )
    for what, many in sorted(count.items()):
        print(f"{many:10} {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
