"""allocates.py under tracemalloc; prints each size and the functions' lines, innermost last."""

import json
import runpy
import tracemalloc

tracemalloc.start(10)
kept = runpy.run_path("allocates.py", run_name="__main__")["kept"]
print(
    json.dumps(
        [
            [len(each), [frame.lineno for frame in tracemalloc.get_object_traceback(each)]]
            for each in kept
        ]
    )
)
