"""A switch while nested containers are freed left the trash can's depth to another greenlet.
Reported as gevent 1909, cpython 98110.
"""
# not on PyPy: it has no trash can

from switchlib import getcurrent, greenlet

main = getcurrent()


class Switches:
    def __del__(self):
        if getcurrent() is not main:
            main.switch("from the trash can")


def nested(depth):
    value = Switches()
    for _ in range(depth):
        value = (value, None)
    return value


def free():
    value = nested(200)
    del value
    return "end"


one = greenlet(free)
first = one.switch()
for _ in range(10):
    value = nested(500)
    del value
print(first, one.switch())

# prints: from the trash can end
