"""To set the trace function that was set already lost a reference to it.

Reported as greenlet 332.
"""
# not on PyPy: it counts no references

import sys

from switchlib import gettrace, settrace


def tracer(event, pair):
    pass


before = sys.getrefcount(tracer)
for _ in range(100):
    settrace(tracer)
settrace(None)
print(sys.getrefcount(tracer) == before, gettrace())

# prints: True None
