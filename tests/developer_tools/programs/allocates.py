"""Greenlets that allocate, alternately; sizes that nothing else has. Each of two is suspended with
what it allocated first; then both allocate again. If it has an argument, it waits in between until
there is a file of that name.
"""

import os
import sys
import time

from greenlet import getcurrent, greenlet

main = getcurrent()
kept = []


def allocate(size):
    kept.append(bytearray(size))


def leaf(size):
    allocate(size)
    main.switch()
    allocate(size + 1_000)


def first():
    leaf(300_000)


def second():
    leaf(500_000)


if __name__ == "__main__":
    both = [greenlet(first), greenlet(second)]
    killed = greenlet(first)
    killed.switch()
    for each in both:
        each.switch()
    if len(sys.argv) > 1:
        print("ready", flush=True)
        while not os.path.exists(sys.argv[1]):
            time.sleep(0.01)
            bytearray(5_000)  # gdb stops the program when it allocates
    for each in both:
        each.switch()
    del killed
    allocate(700_000)
    print("the end", flush=True)
