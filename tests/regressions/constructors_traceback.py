"""throw(Class) whose constructor raises: the traceback of what it raised
was lost (up to CPython 3.13).
"""

import traceback

from switchlib import getcurrent, greenlet

main = getcurrent()


class Fails(Exception):
    def __init__(self):
        raise LookupError


each = greenlet(lambda: main.switch())
each.switch()
try:
    each.throw(Fails)
except LookupError as caught:
    assert traceback.extract_tb(caught.__traceback__)[-1].name == "__init__"
else:
    raise SystemExit("it was lost")
print("ok")

# prints: ok
