"""A start fails for want of memory and releases the run that it had looked up,
whose end starts another greenlet: that one called the function of the first, which was no more.
"""
# not on PyPy: its greenlets take memory of the interpreter's own

import types

from switchlib import _switch, greenlet

ends = []


class Mortal:
    def __del__(self):
        ends.append(greenlet(other).switch(x=1))


def other(**keywords):
    return keywords


class Looked(greenlet):
    @property
    def run(self):
        def wrong(self, first):
            ends.append("wrong")

        return types.MethodType(wrong, Mortal())


for failing in range(1, 4):
    each = Looked()
    _switch.lib.stack_fail_allocation = failing
    try:
        each.switch(1)
    except MemoryError:
        assert ends == [{"x": 1}], ends
    _switch.lib.stack_fail_allocation = 0
    assert greenlet(other).switch(x=2) == {"x": 2}
    ends.clear()
print("ok")

# prints: ok
