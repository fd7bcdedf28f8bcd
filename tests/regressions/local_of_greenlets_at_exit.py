"""A destructor that uses a local of greenlets while the interpreter ends. Reported as greenlet
524.
"""

import weakref

from switchlib import getcurrent


class Local:
    def __init__(self):
        self.values = weakref.WeakKeyDictionary()
        self.values[getcurrent()] = 42

    def __del__(self, getcurrent=getcurrent):
        try:
            self.values[getcurrent()]
        except (RuntimeError, KeyError):
            pass


local = Local()
print("ends")

# prints: ends
