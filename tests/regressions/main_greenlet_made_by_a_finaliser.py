"""A thread's main greenlet is made; that lets the collector run, whose finaliser asks for the main
greenlet.
"""
# not on PyPy: its collector has no thresholds

import gc
import threading

from switchlib import getcurrent


class Cycle:
    def __del__(self):
        getcurrent()


found = []


def body():
    gc.disable()
    gc.set_threshold(1, 1, 1)
    cycle = Cycle()
    cycle.me = cycle
    del cycle
    gc.enable()
    found.append(getcurrent())
    found.append(getcurrent())


thread = threading.Thread(target=body)
thread.start()
thread.join()
print(found[0] is found[1])

# prints: True
