"""A RecursionError in a greenlet left it in a broken state. Reported as gevent 1704."""

import traceback

from switchlib import getcurrent, greenlet

main = getcurrent()


def waiting():
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


def recursive():
    return recursive()


other = waiting()
found = []
for _ in range(5):
    try:
        greenlet(recursive).switch()
    except RecursionError as exception:
        found.append(len(traceback.extract_tb(exception.__traceback__)) > 500)
print(all(found), other.switch())

# prints: True ()
