"""sys._getframe as a run, in a thread that then ends:
what it returned is kept (CPython 3.15 has a frame there).
"""
# not on a debug build of CPython 3.15: it asserts that there is a frame of Python, also in threads

import sys
import threading
import traceback

from switchlib import greenlet

found = []


def work():
    try:
        found.append(greenlet(sys._getframe).switch())
    except ValueError:
        found.append(None)


for _ in range(20):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
rubbish = [bytearray(1000) for _ in range(1000)]
for frame in found:
    if frame is not None:
        for name in ("f_lineno", "f_back", "f_code", "f_locals", "f_globals", "f_builtins"):
            repr(getattr(frame, name))
        traceback.format_stack(frame)
        frame.clear()
print("ok")

# prints: ok
