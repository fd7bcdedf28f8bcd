"""The interpreter's end, at each step of a program that uses greenlets."""

from __future__ import annotations

import pytest

pytest.importorskip("switchlib._switch", reason="it tests the mechanism in C")


EXITS = """
import gc, os, sys, threading
from switchlib import GreenletExit, getcurrent, greenlet, settrace

main, steps, last = getcurrent(), 0, int(sys.argv[1])

def step():
    global steps
    steps += 1
    if steps == last:
        ways[last % len(ways)]()

def leave():
    raise SystemExit(7)

def leave_from_another_greenlet():
    greenlet(leave).switch()

ways = [leave, leave_from_another_greenlet, lambda: sys.exit(7)]

class Finalised:
    def __del__(self, step=step):
        try:
            step()
        except SystemExit:
            pass

def run(held):
    step()
    try:
        main.switch()
        step()
    finally:
        step()

def tracer(event, pair):
    step()

def work():
    top = getcurrent()
    each = greenlet(lambda: top.switch())
    each.switch()
    ready.set()
    threading.Event().wait(20)

ready = threading.Event()
threading.Thread(target=work, daemon=True).start()
ready.wait()
many = [greenlet(run) for _ in range(4)]
for each in many:
    each.switch(Finalised())
    step()
cycle = greenlet(run)
cycle.me = cycle
cycle.switch(None)
del cycle
gc.collect()
step()
many.pop().switch()
step()
settrace(tracer)
many.pop().throw()
step()
many.pop()
step()
settrace(None)
step()
print("done", steps)
"""


@pytest.mark.once
@pytest.mark.parametrize("mode", ["0", "1"])
def test_the_interpreter_may_end_at_any_step(python, mode):
    number = 0
    while True:
        number += 1
        done = python("-c", EXITS, str(number), check=False, SWITCHLIB_SHORTCUTS=mode)
        assert "Fatal" not in done.stderr, number
        if (
            done.returncode == 0
        ):  # nothing was left to leave, or it was in a destructor or a kill, which report nothing
            _, steps = done.stdout.split()
            if int(steps) < number:
                break
        else:
            assert done.returncode == 7, (number, done.returncode, done.stderr)
    assert number > 20
