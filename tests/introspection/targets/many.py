"""As many suspended greenlets as the argument says."""

import sys
import time

from switchlib import getcurrent, greenlet


def outer():
    inner()


def inner():
    getcurrent().parent.switch()


made = [greenlet(outer) for _ in range(int(sys.argv[1]))]
for each in made:
    each.switch()
print("ready", flush=True)
time.sleep(1000)
