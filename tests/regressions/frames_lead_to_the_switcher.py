"""The frames of a suspended greenlet led on into those of the greenlet that had switched to
it, without end. Reported as pypy 2683.
"""
# not on PyPy: a suspended greenlet's frames go round

import traceback

from switchlib import getcurrent, greenlet


def in_b():
    a.switch()


def in_a():
    b.switch()


a, b = getcurrent(), greenlet(in_b)
in_a()
print([frame.f_code.co_name for frame, _ in traceback.walk_stack(b.gr_frame)])

# prints: ['in_b']
