"""The stack of exceptions being handled was saved as one exception, and generators popped
another's. Reported as greenlet 131, eventlet 475.
"""

import sys

from switchlib import getcurrent, greenlet

main = getcurrent()


def numbers():
    try:
        raise LookupError
    except LookupError:
        yield main.switch(sys.exc_info()[0])
        yield sys.exc_info()[0]


generator = numbers()
each = greenlet(lambda: next(generator))
try:
    raise ValueError
except ValueError:
    inside = each.switch()
    each.switch("resumed")
    after = sys.exc_info()[0]
print(inside.__name__, after.__name__, next(generator).__name__, sys.exc_info())

# prints: LookupError ValueError LookupError (None, None, None)
