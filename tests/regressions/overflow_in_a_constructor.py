"""The constructor of an exception that is thrown overflows the stack, in another greenlet."""

from switchlib import getcurrent, greenlet

main = getcurrent()


def recurse():
    return recurse()


class Deep(Exception):
    def __init__(self):
        greenlet(recurse).switch()


each = greenlet(lambda: main.switch())
each.switch()
try:
    each.throw(Deep)
except RecursionError:
    print("RecursionError")

# prints: RecursionError
