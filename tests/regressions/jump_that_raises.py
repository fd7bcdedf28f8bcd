"""A trace function set f_lineno and raised. The frame then stood in a call that a handler protects,
and was unwound as one that none does. A collection while a destructor waited visited what had been
dropped: on CPython 3.11 to 3.13.
"""
# needs CPython 3.11: until then one cannot jump into a try statement

import gc
import sys

from switchlib import getcurrent, greenlet

main = getcurrent()


class Iterator:
    def __init__(self, leaves):
        self.leaves = leaves

    def __iter__(self):
        return self

    def __next__(self):
        pass

    def __del__(self):
        if self.leaves:
            main.switch("suspended")


def call(argument):
    pass


def loops():
    for _ in Iterator(True):
        for _ in Iterator(False):
            for _ in Iterator(False):
                call(
                    1,
                )
                try:
                    call(
                        2,
                    )
                except ValueError:
                    pass


FROM = loops.__code__.co_firstlineno + 4
lines = []


def trace(frame, event, arg):
    if frame.f_code is not loops.__code__:
        return None
    lines.append(frame.f_lineno)
    if event == "line" and lines.count(FROM) == 2:
        frame.f_lineno = FROM + 4
        raise KeyError
    return trace


def run():
    sys.settrace(trace)
    try:
        loops()
    except KeyError:
        return "caught"
    finally:
        sys.settrace(None)


each = greenlet(run)
left = each.switch()
sys.settrace(None)
gc.collect()
print(left, each.switch())

# prints: suspended caught
