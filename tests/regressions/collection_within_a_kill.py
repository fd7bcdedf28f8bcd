"""Of two greenlets that waited to be killed, the first began a collection as it died, and a
finaliser left that for the killer. The second could not be killed, since GreenletExit could not be
made. What the collection had found was killed next, while the collector still had it in its lists.
"""
# not on PyPy: its collector does not stand on the stacks of greenlets

import gc
import threading

from switchlib import GreenletExit, getcurrent, greenlet

gc.disable()
main = getcurrent()
left = []
events = []


def fail(self, *args):
    del GreenletExit.__init__
    raise ValueError


class Leaves:
    """Its finaliser leaves the collector for main."""

    def __del__(self):
        GreenletExit.__init__ = fail
        left.append(getcurrent())
        main.switch()


def collects():
    try:
        main.switch()
    except GreenletExit:
        gc.collect()


def waits():
    main.switch()


def is_found():
    try:
        main.switch()
    except GreenletExit:
        events.append("killed")
        getcurrent().cell.clear()
        getcurrent().__dict__.clear()
        raise


def make_cycles():
    cell = []
    g = greenlet(is_found)
    cell.append(g)
    g.cell = cell
    g.switch()
    leaves = Leaves()
    leaves.me = leaves


first, second = greenlet(collects), greenlet(waits)
first.switch()
second.switch()
box = [first, second]
del first, second
make_cycles()


def drop():
    box.pop(0)
    box.pop(0)


thread = threading.Thread(target=drop)
thread.start()
thread.join()
getcurrent()  # kills those that wait
if "__init__" in GreenletExit.__dict__:
    del GreenletExit.__init__
events.append("back in the collector")
left.pop().switch()
getcurrent()
print(*events, sep=", ")
# prints: back in the collector, killed
