"""The first look at __dict__ lets the collector run (up to CPython 3.11).

What its finaliser set there was lost.
"""
# not on PyPy: its collector has no thresholds

import gc

from switchlib import greenlet


class Finalised:
    def __del__(self):
        each.mark = "kept"


gc.disable()
for _ in range(50):
    gc.collect()
    each = greenlet()
    cycle = Finalised()
    cycle.me = cycle
    del cycle
    hold = [{} for _ in range(200)]  # so that the next dict is allocated
    gc.set_threshold(1, 1000, 1000)
    gc.enable()
    found = each.__dict__
    gc.disable()
    assert found is each.__dict__
    gc.collect()
    assert each.mark == "kept"
    assert each.__dict__ == {"mark": "kept"}
print("ok")

# prints: ok
