"""What a suspended greenlet's frame holds was not seen by the collector: run and what it closes
over. Reported as greenlet 511 and 512.
"""

import gc
import weakref

from switchlib import getcurrent, greenlet

main = getcurrent()


class Held:
    pass


def make():
    held = Held()

    def body(held=held):
        main.switch()
        return held

    return greenlet(body), weakref.ref(held)


each, reference = make()
each.switch()
gc.collect()
alive = reference() is not None
each.switch()
del each
gc.collect()
print(alive, reference())

# prints: True None
