"""The thread state's dict, whose end reports the thread's, has gone when this destructor asks for
greenlets, and the next thread state may get the same address.
"""
# not on PyPy: the locals of a thread die when they are collected

import threading

from switchlib import error, getcurrent, greenlet

local, made = threading.local(), []


class Late:
    def __del__(self):
        each = greenlet(lambda: getcurrent().parent.switch())
        each.switch()
        made.append(each)


def leave():
    getcurrent()
    local.late = Late()


def look():
    for each in made:
        try:
            each.switch()
        except error:
            continue
        raise SystemExit("a greenlet of a dead thread ran")


for _ in range(30):
    for function in (leave, look):
        thread = threading.Thread(target=function)
        thread.start()
        thread.join()
print(len(made))

# prints: 30
