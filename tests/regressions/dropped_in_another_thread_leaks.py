"""Greenlets killed from another thread leaked, with their stacks, when their thread ended.
Reported as greenlet 251 and 252, gevent 1795.
"""

import gc
import threading

from switchlib import getcurrent, greenlet


def live(kind=greenlet):
    for _ in range(3):
        gc.collect()
        getcurrent()
    return sum(isinstance(each, kind) for each in gc.get_objects())


def work(box, dropped):
    here = getcurrent()

    def body():
        here.switch()

    box.append(greenlet(body))
    box[0].switch()
    ready.set()
    dropped.wait(10)


for _ in range(50):
    box, ready, dropped = [], threading.Event(), threading.Event()
    thread = threading.Thread(target=work, args=(box, dropped))
    thread.start()
    ready.wait(10)
    box.clear()
    dropped.set()
    thread.join()
print(live())

# prints: 1
