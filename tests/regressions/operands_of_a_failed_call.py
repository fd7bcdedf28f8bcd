"""A call failed, and had freed its first operand when the destructor of the second left the
greenlet. The thread ended, and when the greenlet was dropped, both were freed once more.
"""
# not on PyPy: it has no reference counts
# with the ordinary allocator: what is freed twice is in use again

import gc
import sys
import threading

from switchlib import getcurrent, greenlet

suspended, deleted = [], []


class Leaving:
    def __del__(self):
        deleted.append(self.__class__)
        getcurrent().parent.switch()


def takes_nothing():
    pass


def fail():
    takes_nothing([], Leaving())


def begin():
    suspended.append(greenlet(fail))
    suspended[0].switch()


for _ in range(20):  # from then on the call is specialised
    deleted.clear()
    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    lists = [[] for _ in range(1000)]  # one of them lies where the first operand lay
    counts = [sys.getrefcount(each) for each in lists]
    gc.collect()
    suspended.clear()
    assert [sys.getrefcount(each) for each in lists] == counts
    assert len(deleted) == 1
print("ok")

# prints: ok
