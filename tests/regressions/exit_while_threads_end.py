"""Threads end while the interpreter does, and what they left is destroyed too late. Reported as
greenlet 330.
"""

import atexit
import threading

from switchlib import getcurrent, greenlet


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def work():
    waiting_here = greenlet(lambda: getcurrent().parent.switch())
    waiting_here.switch()
    kept.append(waiting_here)


kept = []
atexit.register(lambda: in_thread(work))
threading.Thread(target=work).start()
print("ends")

# prints: ends
