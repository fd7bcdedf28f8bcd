"""Prints the allocations of allocates.py in memray's file: the size, which thread memray takes it
for, and the functions, the innermost first.
"""

import json
import sys

import memray

sizes = {size + 1: size for size in (300_000, 301_000, 500_000, 501_000, 700_000)}
found = []
for record in memray.FileReader(sys.argv[1]).get_allocation_records():
    if record.size in sizes and record.allocator != memray.AllocatorType.FREE:
        native = []
        if "native" in sys.argv:
            native = [each[0] for each in record.hybrid_stack_trace()]
        functions = [name for name, _, _ in record.stack_trace()]
        found.append([sizes[record.size], record.tid, functions, native])
print(json.dumps(found))
