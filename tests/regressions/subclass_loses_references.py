"""Greenlets of Python subclasses took one reference too many from their class as they went.
Reported as greenlet 245.
"""
# not on PyPy: it counts no references

import sys

from switchlib import getcurrent, greenlet

main = getcurrent()


class Mine(greenlet):
    pass


class Yours(Mine):
    __slots__ = ("slot",)


before = [sys.getrefcount(Mine), sys.getrefcount(Yours)]
for kind in (Mine, Yours):
    for _ in range(2000):
        kind(len)
        kind(lambda: 1).switch()
        kind(main.switch).switch()
del kind
print([sys.getrefcount(Mine), sys.getrefcount(Yours)] == before)

# prints: True
