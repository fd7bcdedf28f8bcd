"""Destructors that close things while greenlets end at the recursion limit. Reported as eventlet
137.
"""

import gc

from switchlib import getcurrent, greenlet


def live(kind=greenlet):
    for _ in range(3):
        gc.collect()
        getcurrent()
    return sum(isinstance(each, kind) for each in gc.get_objects())


class Closes:
    def __del__(self):
        greenlet(lambda: None).switch()


def deep(held):
    return deep(Closes())


try:
    greenlet(deep).switch(Closes())
except RecursionError:
    print("RecursionError", live())

# prints: RecursionError 1
