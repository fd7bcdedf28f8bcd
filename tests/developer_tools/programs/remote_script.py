# What is run in takes_turns.py by `sys.remote_exec`.
import gc
import traceback

import greenlet

with open(FOUND, "w") as file:  # noqa: F821
    print("current", greenlet.getcurrent(), file=file)
    traceback.print_stack(file=file)
    for each in gc.get_objects():
        if isinstance(each, greenlet.greenlet) and each.gr_frame is not None:
            print("suspended", each, file=file)
            traceback.print_stack(each.gr_frame, file=file)
