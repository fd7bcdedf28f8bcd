"""A trace function set in one greenlet, while others have code that is not instrumented for it.
Reported as greenlet 368.
"""

import sys

from switchlib import getcurrent, greenlet

main = getcurrent()

events = []


def tracer(frame, event, argument):
    events.append(event)
    return tracer


def traced():
    sys.settrace(tracer)
    main.switch()
    value = 1
    sys.settrace(None)
    return value


def called():
    return 2


def other():
    main.switch()
    return called()


one, two = greenlet(traced), greenlet(other)
two.switch()
one.switch()
result = two.switch()
print(result, one.switch(), bool(events))

# prints: 2 1 True
