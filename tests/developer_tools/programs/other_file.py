"""What two_files.py alternates with."""

import os

from greenlet import getcurrent, greenlet

main = getcurrent()


def hand_over_in_a_function(target, *values):
    return target.switch(*values)  # not directly


DIRECTLY = "DIRECTLY" in os.environ
hand_over = greenlet.switch if DIRECTLY else hand_over_in_a_function


def wait(turn):
    try:
        hand_over(main, turn)
    except ValueError:  # never
        return -1  # never
    return turn


def branch(turns):
    while turns:
        turns -= 1
        if wait(turns) == -1:
            return "wrong"  # never
        turns += 0
    return "right"


def between():
    return None


def unused():
    return 1  # never
