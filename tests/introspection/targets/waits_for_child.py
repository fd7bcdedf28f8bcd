"""A greenlet that has switched to its child. Prints the addresses of both as JSON."""

import json
import time

from switchlib import getcurrent, greenlet

main = getcurrent()


def child():
    main.switch()


def parent():
    made = greenlet(child)
    both.append(id(made))
    made.switch()


both: list = []
outer = greenlet(parent)
outer.switch()
print(json.dumps([id(outer), *both]), flush=True)
time.sleep(1000)
