"""A greenlet for which there is no memory is finalised all the same, and its `__del__` looks at
it.
"""
# needs _testcapi: CPython's own test modules
# not on PyPy: its _testcapi compiles a file that is not installed

import _testcapi

from switchlib import greenlet


class Deleted(greenlet):
    def __del__(self):
        self.dead


failed = 0
for k in range(12):
    try:
        _testcapi.set_nomemory(k, k + 1)
        try:
            Deleted()
        finally:
            _testcapi.remove_mem_hooks()
    except MemoryError:
        failed += 1
print("MemoryError" if failed else None)

# prints: MemoryError
