"""The interpreter ended with greenlets that hold objects whose destructors use greenlets. Reported
as greenlet 376 and 411.
"""

from switchlib import getcurrent, greenlet

main = getcurrent()


def waiting():
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


class Last:
    def __init__(self):
        self.each = waiting()

    def __del__(self, getcurrent=getcurrent, greenlet=greenlet):
        try:
            getcurrent()
        except RuntimeError:
            pass
        greenlet(lambda: None).switch()


kept = [Last() for _ in range(5)]
cycle = Last()
cycle.me = cycle
print("ends")

# prints: ends
