"""A collection in the midst of a switch ran a destructor that switched away and back. Reported as
gevent 1985.
"""
# not on PyPy: its collector has no thresholds

import gc

from switchlib import getcurrent, greenlet

main = getcurrent()


class Switches:
    def __init__(self):
        self.me = self

    def __del__(self):
        here = getcurrent()
        greenlet(lambda: here.switch()).switch()


def body(*values, **keywords):
    while True:
        values, keywords = main.switch(*values, **keywords)


each = greenlet(body)
gc.set_threshold(1)
each.switch(1, a=1)
for number in range(300):
    Switches()
    assert each.switch(number, a=number) == ((number,), {"a": number})
gc.set_threshold(700)
print("as passed")

# prints: as passed
