"""Two greenlets that take turns every 2 ms, for as many seconds as given, always in `leaf` below
`branch`; a third is suspended in `waits`. Next to nothing runs outside of `leaf`.
"""

import sys
import time

from greenlet import getcurrent, greenlet

main = getcurrent()


def leaf(until):
    while time.monotonic() < until:
        end = time.monotonic() + 0.002
        while time.monotonic() < end:
            pass
        main.switch()


def branch(until):
    leaf(until)


def waits():
    main.switch()


def take_turns(seconds):
    until = time.monotonic() + seconds
    both = [greenlet(branch), greenlet(branch)]
    while not any(each.dead for each in both):
        for each in both:
            each.switch(until)


if __name__ == "__main__":
    waiting = greenlet(waits)
    waiting.switch()
    print("ready", flush=True)
    take_turns(float(sys.argv[1]))
    print("the end")
