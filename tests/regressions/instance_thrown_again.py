"""An instance that is thrown again and again gathers the tracebacks of all its throws. As with
greenlet: from CPython 3.14 on an exception keeps its traceback when it is raised without one.
"""

import sys
import traceback

from switchlib import getcurrent, greenlet

main = getcurrent()

exception, lengths = ValueError(), []


def body():
    while True:
        try:
            main.switch()
        except ValueError as caught:
            lengths.append(len(traceback.extract_tb(caught.__traceback__)))


each = greenlet(body)
each.switch()
for _ in range(4):
    each.throw(exception)
print(lengths == ([1, 1, 1, 1] if sys.version_info < (3, 14) else [1, 2, 3, 4]))

# prints: True
