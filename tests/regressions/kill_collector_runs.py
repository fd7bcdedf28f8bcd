"""A greenlet loses its last reference while an exception is handled. To make its GreenletExit
lets the collector run (up to CPython 3.11), whose finaliser reaches the victim by a weak
reference and runs it to its end.
"""
# not on PyPy: its collector has no thresholds

import gc
import weakref

import switchlib

main = switchlib.getcurrent()
reached = 0


class Finalised:
    def __del__(self):
        global reached
        victim = reference()
        if victim is not None:
            reached += 1
            victim.switch()


def run():
    try:
        main.switch()
    except switchlib.GreenletExit:
        pass


for n in range(40):
    gc.disable()
    gc.collect()
    each = switchlib.greenlet(run)
    each.switch()
    reference = weakref.ref(each)
    cycle = Finalised()
    cycle.me = cycle
    del cycle
    try:
        raise KeyError
    except KeyError:
        gc.set_threshold(n + 1, 1000, 1000)
        gc.enable()
        del each
        gc.disable()
print("ok")

# prints: ok
