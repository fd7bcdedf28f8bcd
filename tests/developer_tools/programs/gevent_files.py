"""gevent's greenlets, which alternate between two files in the middle of functions."""

import gevent
import gevent_other_file
from gevent.event import Event

event = Event()


def leaf(turns, flag):
    for turn in range(turns):
        gevent.sleep(0)
        if flag:
            turn += 1  # never
        else:
            turn -= 1
    event.set()
    return "left"


def branch(turns):
    result = leaf(turns, False)
    if result == "right":
        return "wrong"  # never
    return result


both = [gevent.spawn(branch, 3), gevent.spawn(gevent_other_file.branch, 3, event)]
gevent.joinall(both)
print([each.value for each in both])
