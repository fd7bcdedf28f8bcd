"""Two greenlets that take turns, and each call `leaf` 20 times; 10 ms of work a call of the first,
30 ms of the second, in processor time.
"""

import time

from greenlet import getcurrent, greenlet

TURNS = 20
main = getcurrent()


def leaf(seconds):
    end = time.thread_time() + seconds / 2
    while time.thread_time() < end:
        pass
    main.switch()
    end = time.thread_time() + seconds / 2
    while time.thread_time() < end:
        pass


def branch(seconds):
    for _turn in range(TURNS):
        leaf(seconds)


def first():
    branch(0.01)


def second():
    branch(0.03)


def take_turns():
    both = [greenlet(first), greenlet(second)]
    while not all(each.dead for each in both):
        for each in both:
            each.switch()


if __name__ == "__main__":
    take_turns()
    print("the end")
