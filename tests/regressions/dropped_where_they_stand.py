"""Greenlets that are dropped where they stand, again and again. Reported as pypy 1965."""
# not on PyPy: a start may fail while the collector kills others: docs/decisions.md, Open

import gc

from switchlib import getcurrent, greenlet


def live(kind=greenlet):
    for _ in range(3):
        gc.collect()
        getcurrent()
    return sum(isinstance(each, kind) for each in gc.get_objects())


for number in range(20_000):
    greenlet(lambda: getcurrent().parent.switch()).switch()
print(live())

# prints: 1
