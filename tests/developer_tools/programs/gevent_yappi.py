"""yappi by processor time, in a program with gevent; prints what it has measured."""

import json
import time

import gevent
import yappi


def leaf(seconds):
    for _ in range(10):
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass
        gevent.sleep(0)


yappi.set_clock_type("cpu")
yappi.set_context_backend("greenlet")
yappi.start()
gevent.joinall([gevent.spawn(leaf, 0.01), gevent.spawn(leaf, 0.03)])
yappi.stop()
functions = {each.name: [each.ncall, each.ttot] for each in yappi.get_func_stats()}
greenlets = sorted(each.ttot for each in yappi.get_greenlet_stats())
print(json.dumps([functions, greenlets]))
