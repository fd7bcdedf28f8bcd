"""faulthandler looks at the frames of a ring of greenlets, in a signal handler in C, a thousand
times a second. Up to CPython 3.12 it followed frames on a stack that was being overwritten.

CPython itself cannot be sampled so while C calls a function of Python: on 3.11 and 3.12 its chain
of frames begins in memory that is not set yet, on 3.13 it ends in a frame that faulthandler does
not expect. So nothing here does that.
"""
# not on PyPy: its faulthandler registers no signals
# only with shortcuts: policy is a function of Python that C calls

import faulthandler
import os
import signal
import time

from switchlib import getcurrent, greenlet

main = getcurrent()
laps = 0


def ring():
    while True:
        getcurrent().next.switch()


def descend(depth):
    if depth:
        descend(depth - 1)
    else:
        ring()


def last():
    global laps
    while time.monotonic() < end:
        laps += 1
        each[0].switch()


each = [greenlet(descend) for _ in range(8)]
for index, one in enumerate(each):
    one.next = main
    one.switch(index % 5 * 3)
    one.next = greenlet(last) if one is each[-1] else each[index + 1]
each[-1].next.parent = main

faulthandler.register(signal.SIGALRM, file=open(os.devnull, "w"), all_threads=True, chain=False)
end = time.monotonic() + 2
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
each[0].switch()
signal.setitimer(signal.ITIMER_REAL, 0)
assert laps > 100
print("ok")

# prints: ok
