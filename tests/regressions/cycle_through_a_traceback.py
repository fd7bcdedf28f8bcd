"""A greenlet that an exception's traceback refers to, and that refers to itself, was never freed.
Reported as eventlet 408.
"""

import gc

from switchlib import getcurrent, greenlet


def live(kind=greenlet):
    for _ in range(3):
        gc.collect()
        getcurrent()
    return sum(isinstance(each, kind) for each in gc.get_objects())


class Held:
    pass


def body():
    held, me = Held(), getcurrent()
    raise LookupError


for _ in range(10):
    each = greenlet(body)
    try:
        each.switch()
    except LookupError as exception:
        each.exception = exception
    del each
print(live(), live(Held))

# prints: 1 0
