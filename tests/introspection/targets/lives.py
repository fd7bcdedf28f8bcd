"""Greenlets begin, wait, and end by returning or by an exception, all the time."""

from switchlib import getcurrent, greenlet


def first():
    second()


def second():
    third()


def third():
    getcurrent().parent.switch()


def live():
    each = greenlet(first)
    each.switch()
    each.switch()
    other = greenlet(first)
    other.switch()
    other.throw()
    forgotten = greenlet(first)
    forgotten.switch()


live()
print("ready", flush=True)
while True:
    live()
