"""The interpreter ended while threads were in greenlets and had released the lock. Reported
as greenlet 325.
"""

import threading

from switchlib import getcurrent, greenlet


def work():
    here = getcurrent()

    def body():
        here.switch()
        never.wait()

    each = greenlet(body)
    each.switch()
    ready.release()
    each.switch()


never, ready = threading.Event(), threading.Semaphore(0)
for _ in range(5):
    threading.Thread(target=work, daemon=True).start()
for _ in range(5):
    ready.acquire()
print("ends")

# prints: ends
