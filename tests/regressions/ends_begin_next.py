"""Each greenlet ends into one that has not begun, 100,000 times in a row,
and never more than two are alive: each took up some 300 bytes of the C stack, until it overflowed.
"""

import switchlib

count = 0


def body(*args):
    global count
    count += 1
    if count < 100_000:
        current = switchlib.getcurrent()
        current.parent = switchlib.greenlet(body, current.parent)


try:
    switchlib.greenlet(body).switch()
except RecursionError:
    print("ok")
else:
    assert count == 100_000
    print("ok")

# prints: ok
