"""Greenlets in all states, in two threads. Prints what it knows of itself as JSON, and then does
what the argument says: sleep, compute, wait (in C, with the GIL released), abort.
"""

import inspect
import json
import sys
import threading
import time

from switchlib import getcurrent, greenlet

known: list = []


class Worker(greenlet):
    """One whose run is a method; it has attributes, too."""

    def run(self, *args):
        self.label = "wörker €"
        self.numbers = [1, -(2**70), 0.5, None, True]
        outer(3)


class Slotted(greenlet):
    __slots__ = ("in_a_slot",)


def outer(left):
    if left:
        outer(left - 1)
    else:
        inner(b"bytes", {"key": ("tuple", {1}), 2: "two"})


def inner(some, more):
    captured = 12345

    def closure():
        return captured

    note(getcurrent(), "suspended", inspect.currentframe(), 1)
    getcurrent().parent.switch(closure)


def note(each, state, frame=None, lines_below=0):
    """Records a greenlet, which goes on to stand `lines_below` lines further down."""
    frames = []
    while frame is not None:
        frames.insert(0, [frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name])
        frame = frame.f_back
    if frames:
        frames[-1][1] += lines_below
    known.append(
        {
            "id": id(each),
            "state": state,
            "class": f"{type(each).__module__}.{type(each).__qualname__}",
            "parent": id(each.parent) if each.parent is not None else None,
            "thread": threading.current_thread().name,
            "frames": frames,
        }
    )


def generator():
    inner(b"", {})
    yield


def in_a_generator():
    list(map(next, [generator()]))  # through C


def populate():
    made = [Worker(), Slotted(outer), greenlet(in_a_generator)]
    made[1].in_a_slot = "slot"
    for each in made:
        each.switch(*([2] if isinstance(each, Slotted) else []))
    for each in (Worker(), greenlet(outer), greenlet(int, parent=made[0])):
        note(each, "unstarted")
        made.append(each)
    made.append(greenlet(int))
    made[-1].switch()
    note(made[-1], "dead")
    return made


def second_thread():
    made = populate()
    main = getcurrent()
    for _ in [0]:
        note(main, "current", inspect.currentframe(), 2)
        there.release()
        hold.acquire()
    return made


def last(what):
    does, *arguments = {
        "sleep": (time.sleep, 1000),
        "compute": (compute,),
        "wait": (hold.acquire,),
    }[what]
    note(getcurrent(), "current", inspect.currentframe(), 2)
    print(json.dumps(known), flush=True)
    does(*arguments)


def compute():
    while True:
        for i in range(1000):
            i * i


hold, there = threading.Lock(), threading.Semaphore(0)
hold.acquire()
threading.Thread(target=second_thread, name="second", daemon=True).start()
there.acquire()
mine = populate()
runner = greenlet(last)
note(getcurrent(), "suspended", inspect.currentframe(), 1)
runner.switch(sys.argv[1])
