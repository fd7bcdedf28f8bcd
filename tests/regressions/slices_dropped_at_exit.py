"""While the interpreter ends a greenlet's stack is dropped from the chain of those that lie on the
C stack.
"""
# not on PyPy: it runs no destructors at its end

import builtins

from switchlib import getcurrent, greenlet

main = getcurrent()


class Last:
    def __del__(self, greenlet=greenlet, main=main, range=range, bytearray=bytearray, print=print):
        first, second, third = [], [], []

        def drop():
            first.clear()
            third[0].parent = main
            junk = [bytearray(b"A" * n) for n in range(1000)]
            main.switch()

        def wait():
            main.switch()
            second[0].switch()

        first.append(greenlet(wait))
        first[0].switch()
        second.append(greenlet(drop, main))
        third.append(greenlet(lambda: 0, first[0]))
        third[0].switch()
        print("ended")


builtins.kept = Last()

# prints: ended
