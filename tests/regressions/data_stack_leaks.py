"""On CPython 3.11 each greenlet leaked its data stack. Reported as greenlet 328, gevent 1924,
sqlalchemy 8763.
"""
# with the ordinary allocator: a debugging one keeps what it has
# not on PyPy: its collector gives back memory when it likes

import os

from switchlib import getcurrent, greenlet

main = getcurrent()


def waiting():
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def spawn(times):
    for number in range(times):
        greenlet(lambda number: number, getcurrent()).switch(number)
    waiting()


spawn(20_000)
before = resident()
spawn(100_000)
print(resident() - before < 1 << 20)

# prints: True
