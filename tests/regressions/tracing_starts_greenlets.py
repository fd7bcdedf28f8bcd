"""A trace function starts a greenlet at each of its events."""

import sys

from switchlib import greenlet

events = []


def tracer(frame, event, argument):
    events.append(event)
    greenlet(lambda: 1).switch()
    return tracer


def traced():
    return 1


sys.settrace(tracer)
traced()
sys.settrace(None)
print(*events)

# prints: call line return
