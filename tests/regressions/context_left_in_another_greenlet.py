"""A context entered in one greenlet was left in another: the interpreter's state was corrupt.
Reported as greenlet 172, gevent 1656.
"""

import contextvars

from switchlib import getcurrent, greenlet

main = getcurrent()

variable = contextvars.ContextVar("variable", default=0)


def body(number):
    def inside():
        variable.set(number)
        main.switch()
        return variable.get()

    return contextvars.copy_context().run(inside)


many = [greenlet(body) for _ in range(10)]
for number, each in enumerate(many):
    each.switch(number)
print([each.switch() for each in reversed(many)], variable.get())

# prints: [9, 8, 7, 6, 5, 4, 3, 2, 1, 0] 0
