"""Greenlets that end into one another, by results, exceptions and GreenletExit,
on a thread with little stack.
"""
# not on PyPy: it takes stacks of its own size

import threading

from switchlib import GreenletExit, getcurrent, greenlet

MANY = 30_000
count = 0


def body(*args):
    global count
    count += 1
    if count < MANY:
        current = getcurrent()
        current.parent = greenlet(body, current.parent)
        if count % 3 == 1:
            raise GreenletExit
    return count


def fail():
    raise LookupError


def work():
    global caught
    assert greenlet(body).switch() == MANY
    last = None
    for _ in range(300):
        last = greenlet(fail, last)
    try:
        last.switch()
    except LookupError:
        caught = True


caught = False
threading.stack_size(256 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
assert count == MANY
assert caught
print("ok")

# prints: ok
