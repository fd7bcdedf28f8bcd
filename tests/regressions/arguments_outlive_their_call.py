"""A new greenlet makes a dict for its keywords; the collector runs; a finaliser goes back to the
starter, whose array of arguments is gone by the time the new greenlet copies them.
"""
# not on PyPy: its collector has no thresholds

import gc

from switchlib import getcurrent, greenlet

main = getcurrent()


class Finalised:
    def __del__(self):
        if getcurrent() is not main:
            main.switch("from finaliser")


def run(a, b, c, **keywords):
    return a, b, c


gc.disable()


def start(hold=[]):
    each = greenlet(run)
    cycle = Finalised()
    cycle.me = cycle
    del cycle
    hold.extend({} for _ in range(200))  # so that the next dict is allocated
    gc.set_threshold(1, 1000, 1000)
    gc.enable()
    got = each.switch([1], [2], [3])
    gc.disable()
    return got, each


got, each = start()
others = [max([n], [n + 1], [n + 2]) for n in range(10)]
print(each.switch() if got == "from finaliser" else got)

# prints: ([1], [2], [3])
