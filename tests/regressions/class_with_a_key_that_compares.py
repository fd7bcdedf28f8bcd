"""A class's namespace has a key that is no str, which is compared when `__call__` is looked up in
it. That was done after the target had been checked: the comparison started it, and it began a
second time; or it took the function away that was about to be called, and the process ended.
"""
# not on PyPy: a class's namespace has no keys but str there

import gc
import sys

from switchlib import getcurrent, greenlet

main = getcurrent()


class Key:
    def __hash__(self):
        return hash("__call__")

    def __eq__(self, other):
        global left
        if other == "__call__" and left > 0:
            left -= 1
            if left == 0:
                act()
        return False


def caller():
    def call(self, *args, **kwargs):
        calls.append((args, kwargs))
        return main.switch("suspended")

    return call


def start():
    starts.append(each.switch("inner"))


def take_away():
    Class.__call__ = lambda self, *args, **kwargs: calls.append("other")
    gc.collect()


for act in (start, take_away):
    for number in range(1, 8):
        for keywords in ({}, {"x": 1}):
            calls, starts, left = [], [], 0
            Class = type("Class", (), {Key(): 1, "__call__": caller()})
            for version in range(1100):  # from 3.13 on such a class is looked up in anew each time
                Class.version = version
                Class.version
            each = greenlet(Class())
            left = number
            result = each.switch("outer", **keywords)
            left = 0
            assert len(calls) == 1, calls
            if not starts:
                assert result == "suspended" or calls == ["other"], result
            while not each.dead:
                each.switch()
assert sys.exc_info() == (None, None, None)
print("ok")

# prints: ok
