"""A signal handler switched away when an exception had been caught, and the handler's first
instruction had not begun. A collection then visited arguments that were gone: on CPython 3.10 the
frame still stood in the call that had raised.
"""

import gc
import signal

from switchlib import getcurrent, greenlet

main = getcurrent()
numbers = (0,) * 30_000_000


class Argument:
    pass


def function(*args):
    pass


def run():
    a = Argument
    try:
        function(a(), a(), a(), a(), a(), a(), a(), a(), a(), a(), a(), a(), numbers.index(1))
    except ValueError:
        return "caught"


signal.signal(signal.SIGALRM, lambda number, frame: main.switch())
signal.setitimer(signal.ITIMER_REAL, 0.05)
each = greenlet(run)
result = each.switch()
gc.collect()
while each:
    result = each.switch()
print(result)

# prints: caught
