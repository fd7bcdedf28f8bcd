"""A thread that traces asks policy all the time. Meanwhile calls of Python functions in another
thread, which has little stack, must not take up more of it than ever.
"""
# not on PyPy: its threads have stacks of another kind

import sys
import threading

from switchlib import greenlet

over = False


def ask():
    dead = greenlet(lambda: None)
    dead.switch()
    sys.settrace(lambda *event: None)
    while not over:
        dead.switch()


def descend(depth):
    return descend(depth - 1) if depth else 0


def descend_often():
    for _ in range(300):
        descend(150 if sys.version_info < (3, 11) else 900)


sys.setswitchinterval(1e-5)
asking = threading.Thread(target=ask)
asking.start()
threading.stack_size(256 * 1024)
descending = threading.Thread(target=descend_often)
descending.start()
descending.join()
over = True
asking.join()
print("ok")

# prints: ok
