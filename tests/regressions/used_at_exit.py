"""Greenlets could not be used by functions that run at exit. Reported as greenlet 507, gevent
2173.
"""

import atexit

from switchlib import getcurrent, greenlet

main = getcurrent()


def waiting():
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


def last():
    each = waiting()
    each.switch()
    print(getcurrent() is main, each.dead)


atexit.register(last)

# prints: True True
