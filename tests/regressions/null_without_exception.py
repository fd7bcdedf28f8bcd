"""A run in C returns NULL and sets no exception, as globals() does where no frame of
Python runs (up to CPython 3.13). Later ones answer with those of the main program, or with
None in a program that embeds Python.
"""

import switchlib

dead = switchlib.greenlet(lambda: 0)
dead.switch()
for parent in (None, dead):
    for tracer in (None, lambda *args: None):
        switchlib.settrace(tracer)
        try:
            outcome = switchlib.greenlet(globals, parent).switch()
        except (switchlib.error, SystemError) as caught:
            outcome = caught
        switchlib.settrace(None)
        assert outcome is None or isinstance(outcome, (dict, Exception)), outcome
print("ok")

# prints: ok
