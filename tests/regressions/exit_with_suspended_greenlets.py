"""Greenlets are active while the interpreter ends. Reported as greenlet 495 and 499."""

import sys

from switchlib import getcurrent, greenlet

main = getcurrent()


class Held:
    def __del__(self):
        pass


def body(held, levels):
    if levels:
        return body(held, levels - 1)
    main.switch()


for number in range(50):
    each = greenlet(body)
    each.switch(Held(), number)
    globals()[f"kept{number}"] = each
sys.modules["somewhere"] = each
greenlet(lambda: sys.exit(0)).switch()

# prints nothing
