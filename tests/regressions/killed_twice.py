"""A greenlet that is killed twice before it runs. Reported as gevent 543."""

from switchlib import getcurrent, greenlet

main = getcurrent()


def body():
    while True:
        main.switch()


each = greenlet(body)
each.switch()
first, second = greenlet(each.throw), greenlet(each.throw)
first.switch()
print(each.dead, repr(second.switch()))

# prints: True GreenletExit()
