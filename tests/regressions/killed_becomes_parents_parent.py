"""A greenlet that is killed makes itself the parent of its own parent: a cycle, in which a walk
over parents never ended.
"""
# not on PyPy: nothing is killed before a collection

from switchlib import getcurrent, greenlet

main = getcurrent()

parent, kept = greenlet(lambda: 0), []


def body():
    try:
        main.switch()
    finally:
        parent.parent = getcurrent()
        kept.append(getcurrent())


each = greenlet(body, parent)
each.switch()
del each
greenlet(None).parent = parent
print(kept[0].parent is main)

# prints: True
