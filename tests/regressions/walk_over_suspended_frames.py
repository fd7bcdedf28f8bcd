"""The frames of a suspended greenlet could not be walked, or walking them crashed. Reported as
greenlet 388, gevent 1969.
"""
# not on PyPy: a suspended greenlet's frames go round

import traceback

from switchlib import getcurrent, greenlet

main = getcurrent()


def inner(levels):
    if levels:
        return sorted([levels], key=lambda level: inner(level - 1))
    main.switch()


many = [greenlet(inner) for _ in range(20)]
for levels, each in enumerate(many):
    each.switch(levels)
for round in range(3):
    lengths = [len(list(traceback.walk_stack(each.gr_frame))) for each in many]
    texts = ["".join(traceback.format_stack(each.gr_frame)) for each in many]
print(lengths == [2 * levels + 1 for levels in range(20)], all("inner" in text for text in texts))

# prints: True True
