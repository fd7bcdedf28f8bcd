"""A greenlet ended by an exception while tracing was on, and there was no memory to instrument the
code of its parent, which had been suspended since before: the exception was lost.
"""
# needs CPython 3.15: the others kept it
# only with shortcuts: without, CPython loses it where it has no memory to trace the policy
# needs _testcapi: it makes allocations fail

import _testcapi
import sys

from switchlib import greenlet


def nothing(*args):
    return None


def body(error, number):
    sys.settrace(nothing)
    try:
        raise error
    finally:
        _testcapi.set_nomemory(number, number + 1)


def chain(exception):
    while exception is not None:
        yield exception
        exception = exception.__context__


def parent(error, number):
    try:
        greenlet(body).switch(error, number)
    except BaseException as outcome:
        _testcapi.remove_mem_hooks()
        return error in chain(outcome)


lost = []
for number in range(1, 80):
    # A parent whose code has never run while tracing was on.
    fresh = type(parent)(parent.__code__.replace(), globals())
    kept = fresh(ValueError(), number)
    sys.settrace(None)
    if not kept:
        lost.append(number)
print(lost)
# prints: []
