"""sys._getframe as a greenlet's run, bare or by way of other C functions: no frame of Python
runs there. On CPython 3.15 it made a frame object of the frame at the base of all stacks,
which crashed when it was used.
"""
# not on a debug build of CPython 3.15: it asserts that there is a frame of Python, also in threads

import functools
import sys
import traceback
import types

import switchlib

for run in (sys._getframe, functools.partial(sys._getframe, 0), map(sys._getframe, [0]).__next__):
    try:
        frame = switchlib.greenlet(run).switch()
    except ValueError:
        continue
    assert isinstance(frame.f_code, types.CodeType)
    repr(frame), frame.f_lineno, frame.f_locals, frame.f_back
    traceback.format_stack(frame)
print("ok")

# prints: ok
