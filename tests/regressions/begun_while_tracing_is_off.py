"""A trace function is set, and a tracer of switches starts a greenlet. Nothing is traced within a
tracer, so CPython did not instrument the greenlet's code. An exception thrown into it later ended
in a NULL pointer on CPython 3.15.
"""

import sys

import switchlib
from switchlib import getcurrent, greenlet

main = getcurrent()


def begun():
    try:
        main.switch()
    except LookupError:
        return "caught"


def tracer(event, pair):
    switchlib.settrace(None)
    each.switch()


def trace(frame, event, argument):
    return trace


each = greenlet(begun)
sys.settrace(trace)
switchlib.settrace(tracer)
main.switch()
assert each.throw(LookupError) == "caught"
sys.settrace(None)
print("ok")

# prints: ok
