"""A generator was suspended in a greenlet whose thread has ended: its frame had a caller on a
stack that is no more.
"""
# not on PyPy: it keeps frames for as long as they are referred to

import gc
import threading

from switchlib import getcurrent, greenlet


def numbers():
    getcurrent().parent.switch()
    yield


generator, kept = numbers(), []


def body():
    each = greenlet(lambda: next(generator))
    kept.append(each)
    each.switch()


thread = threading.Thread(target=body)
thread.start()
thread.join()
kept.clear()
gc.collect()
junk = [bytearray(600) for _ in range(100)]
print(generator.gi_frame.f_back)

# prints: None
