"""What gevent's and eventlet's own spawn costs.

    python spawns.py (gevent | eventlet) DEPTH NUMBER

spawns NUMBER greenlets, each of which waits for one event DEPTH Python calls deep, then sets the
event, and waits for all to end. Prints, as JSON, the processor time of one, in seconds: that of the
quickest of several passes. It runs on whatever `import greenlet` yields.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

Pass = Callable[[int, int], None]

GREENLETS = 20_000


def work(left: int, event: Any) -> None:
    if left:
        work(left - 1, event)
    else:
        event.wait()


def gevent() -> Pass:
    import gevent
    from gevent.event import Event

    def one_pass(depth: int, number: int) -> None:
        event = Event()
        spawned = [gevent.spawn(work, depth, event) for _ in range(number)]
        gevent.sleep(0)  # now all wait
        event.set()
        gevent.joinall(spawned)

    return one_pass


def eventlet() -> Pass:
    import eventlet
    from eventlet.event import Event

    def one_pass(depth: int, number: int) -> None:
        event = Event()
        spawned = [eventlet.spawn(work, depth, event) for _ in range(number)]
        eventlet.sleep(0)
        event.send()
        for each in spawned:
            each.wait()

    return one_pass


def cost(one_pass: Pass, depth: int, number: int) -> float:
    one_pass(depth, number)
    times = max(1, GREENLETS // number)

    def measure() -> float:
        began = time.process_time()
        for _ in range(times):
            one_pass(depth, number)
        return time.process_time() - began

    return min(measure() for _ in range(5)) / times / number


def main() -> None:
    library, depth, number = sys.argv[1:]
    seconds = cost({"gevent": gevent, "eventlet": eventlet}[library](), int(depth), int(number))
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
