"""A switch lost the traceback of the exception being handled. Reported as gevent 246."""

import traceback

from switchlib import getcurrent, greenlet

main = getcurrent()


def waiting():
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


def fails():
    raise LookupError("text")


try:
    fails()
except LookupError:
    before = traceback.format_exc()
    waiting()
    print(traceback.format_exc() == before, "fails" in before)

# prints: True True
