"""A profiler was not called in a greenlet that began while it was on. Reported as greenlet 256."""

import sys

from switchlib import greenlet

calls = []


def body():
    pass


sys.setprofile(
    lambda frame, event, argument: calls.append(frame.f_code.co_name) if event == "call" else None
)
body()
greenlet(body).switch()
sys.setprofile(None)
print(calls)

# prints: ['body', 'body']
