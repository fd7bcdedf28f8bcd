"""Deadlocks of gevent's greenlets. Prints the addresses of their members as JSON: first those that
are certain, then those that may be none.
"""

import json

import gevent
import gevent.thread
from gevent import lock


def take(first, second):
    with first:
        gevent.sleep(0.01)
        with second:
            pass


def join(i):
    gevent.sleep(0.01)
    joining[i].join()


def cycle(make, count):
    locks = [make() for _ in range(count)]
    return [gevent.spawn(take, locks[i], locks[(i + 1) % count]) for i in range(count)]


certain = [cycle(lock.RLock, 2), cycle(gevent.thread.allocate_lock, 3)]
joining = [gevent.spawn(join, 1), gevent.spawn(join, 0)]
certain.append(joining)
perhaps = [cycle(lambda: lock.Semaphore(1), 2)]
behind = [gevent.spawn(joining[0].join), gevent.spawn(lambda: behind[0].join())]
# These are none: it is the sleeping one that ends the wait, or a timeout.
sleeping = gevent.spawn(gevent.sleep, 1000)
others = [gevent.spawn(sleeping.join), gevent.spawn(gevent.wait, [sleeping, joining[0]])]
gevent.sleep(0.3)
found = [[[id(each) for each in members] for members in some] for some in (certain, perhaps)]
print(json.dumps(found), flush=True)
gevent.sleep(1000)
