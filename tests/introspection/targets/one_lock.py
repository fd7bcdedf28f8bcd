"""Many greenlets of gevent wait for one lock. Their number is the argument."""

from __future__ import annotations

import sys
import time

import gevent
from gevent.lock import Semaphore

lock = Semaphore(1)
lock.acquire()


def work() -> None:
    with lock:
        pass


greenlets = [gevent.spawn(work) for _ in range(int(sys.argv[1]))]
gevent.sleep(0)
gevent.sleep(0)
print(id(lock), flush=True)
time.sleep(600)
