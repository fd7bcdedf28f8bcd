"""`__init__` sets a parent and so drops the former one, whose last code starts the greenlet that
is being initialised.
"""
# not on PyPy: nothing is killed before a collection

import collections

from switchlib import getcurrent, greenlet

main = getcurrent()


def numbers():
    for number in range(200):
        if number == 100:
            main.switch()
        yield number


queue = collections.deque()
each = greenlet(queue.extend)
del queue


def parent():
    try:
        main.switch()
    finally:
        each.switch(numbers())


old = greenlet(parent)
old.switch()
each.parent = old
del old
each.__init__(lambda *args: 5, main)
junk = [bytearray(64) for _ in range(2000)]
each.switch()
print(each.dead)

# prints: True
