"""A destructor switches, starts and throws when the interpreter has cleared its modules."""
# not on PyPy: it runs no destructors at its end

import builtins

from switchlib import getcurrent, greenlet

main = getcurrent()


class Last:
    def __init__(self):
        self.each = greenlet(lambda: main.switch() or "result")
        self.each.switch()

    def __del__(self, print=print, greenlet=greenlet):
        print(repr(self.each)[:18], self.each.switch(), repr(greenlet(print).throw()))


builtins.kept = Last()

# prints: <greenlet.greenlet result GreenletExit()
