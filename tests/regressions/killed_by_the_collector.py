"""The collector's lists begin in its own frames; what dies in a greenlet killed from there unlinks
itself from them.
"""

import gc

from switchlib import GreenletExit, getcurrent, greenlet

main = getcurrent()


class Finalised:
    def __del__(self):
        pass


def run():
    getcurrent().object = Finalised()
    try:
        main.switch()
    except GreenletExit:
        print("killed")
    finally:
        del getcurrent().object


kept = []
each = greenlet(run)
each.kept = kept
kept.append(each)
each.switch()
del each, kept, run
gc.collect()
getcurrent()
gc.collect()

# prints: killed
