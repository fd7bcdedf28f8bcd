"""From CPython 3.12 on a killed greenlet's GreenletExit bore its traceback to the killer,
where what its frames held was finalised: a generator in the wrong context.
"""
# not on PyPy: its collector finalises generators, in whatever context

import contextvars
import gc
import sys

from switchlib import GreenletExit, getcurrent, greenlet

main = getcurrent()
variable = contextvars.ContextVar("variable")
problems = []
sys.unraisablehook = lambda event: problems.append(event.exc_value)


def numbers():
    token = variable.set(1)
    try:
        yield
    finally:
        variable.reset(token)


def run():
    generator = numbers()
    next(generator)
    main.switch()


for end in (greenlet.throw, None):
    each = greenlet(run)
    each.gr_context = contextvars.Context()
    each.switch()
    if end is not None:
        result = end(each)
        assert isinstance(result, GreenletExit)
        assert result.__traceback__ is None
    del each
    gc.collect()
    getcurrent()
    gc.collect()
    getcurrent()
assert problems == [], problems
print("ok")

# prints: ok
