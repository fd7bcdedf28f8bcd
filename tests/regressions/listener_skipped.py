"""Callbacks that take themselves off gc.callbacks have the next one skipped. The mechanism took an
old collection for the present one, and killed a greenlet within the collector.
"""
# not on PyPy: it has no gc.callbacks

import gc

from switchlib import getcurrent, greenlet

main = getcurrent()
gc.disable()
gc.collect()
held, parts, seen = [], [], []


def once(at):
    def callback(phase, info):
        if phase == at:
            gc.callbacks.remove(callback)

    gc.callbacks.insert(0, callback)


def descend(depth):
    if depth:
        return max([0], key=lambda _: descend(depth - 1) or 0)
    try:
        return main.switch()
    finally:
        parts.clear()
        [[number] for number in range(10)]


def collect():
    once("stop")
    gc.collect()
    main.switch()


class Finalised:
    def __init__(self):
        self.me = self
        self.parts = [[] for _ in range(20)]

    def __del__(self):
        parts.extend(self.parts)
        self.parts = None
        held.clear()
        seen.append(len(parts))


held.append(greenlet(descend))
held[0].switch(6)
collector = greenlet(collect)
collector.switch()
once("start")
Finalised()
gc.collect()
assert seen == [20], "the greenlet waits until the collector is done"
getcurrent()
assert parts == []
for _ in range(3):
    gc.collect()
print("ok")

# prints: ok
