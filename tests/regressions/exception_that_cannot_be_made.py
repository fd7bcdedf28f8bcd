"""switch returned NULL without an exception, when what it threw could not be made. Reported as
eventlet 525.
"""

from switchlib import getcurrent, greenlet

main = getcurrent()


def waiting():
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


class Picky(Exception):
    def __new__(cls, *arguments):
        raise LookupError("cannot be made")


each = waiting()
try:
    each.throw(Picky)
except LookupError as exception:
    print(exception, each.dead)

# prints: cannot be made True
