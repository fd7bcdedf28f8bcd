"""A thread that uses greenlets leaks what belongs to it. Reported as greenlet 12."""

import gc
import threading

from switchlib import getcurrent, greenlet


def live(kind=greenlet):
    for _ in range(3):
        gc.collect()
        getcurrent()
    return sum(isinstance(each, kind) for each in gc.get_objects())


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


for _ in range(200):
    in_thread(getcurrent)
print(live())

# prints: 1
