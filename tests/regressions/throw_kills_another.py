"""From CPython 3.12 on to raise an exception drops its former traceback, which here holds the last
reference to another greenlet: it was killed between the check of throw's target and the switch.
"""

import switchlib

main = switchlib.getcurrent()


def fail():
    other = switchlib.greenlet(main.switch)
    other.switch()
    raise ValueError("thrown")


def make():
    try:
        fail()
    except ValueError as caught:
        return caught


def elsewhere():
    raise KeyError


try:
    elsewhere()
except KeyError as caught:
    traceback = caught.__traceback__

for tracer, begun in ((None, False), (lambda *args: None, True)):
    each = switchlib.greenlet(lambda: main.switch())
    if begun:
        each.switch()
    switchlib.settrace(tracer)
    exception = make()
    try:
        each.throw(exception, None, traceback)
    except ValueError as caught:
        assert caught is exception and each.dead
    else:
        raise SystemExit("the exception was lost")
print("ok")

# prints: ok
