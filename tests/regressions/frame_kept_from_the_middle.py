"""A frame kept from a suspended greenlet's middle led into a stack that others use now. Reported
as cpython 113037.
"""
# not on PyPy: a suspended greenlet's frames go round

import sys

from switchlib import getcurrent, greenlet

main = getcurrent()


def waiting():
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


kept = []


def inner():
    kept.append(sys._getframe())
    main.switch()


def outer():
    return sorted([0], key=lambda _: inner())


each = greenlet(outer)
each.switch()
others = [waiting() for _ in range(100)]
names = []
frame = kept.pop()
while frame is not None:
    names.append(frame.f_code.co_name)
    frame = frame.f_back
print(names)

# prints: ['inner', '<lambda>', 'outer']
