"""What gevent's operations cost: prints JSON with the nanoseconds of each,
the least of several tries.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import gevent
import gevent.queue

TRIES = 5


def nothing() -> None:
    pass


def spawn_and_join(times: int) -> None:
    for _ in range(times):
        gevent.spawn(nothing).join()


def sleep_zero(times: int) -> None:
    for _ in range(times):
        gevent.sleep(0)


def queue_hand_over(times: int) -> None:
    there, back = gevent.queue.Queue(), gevent.queue.Queue()

    def echo() -> None:
        for _ in range(times):
            back.put(there.get())

    echoing = gevent.spawn(echo)
    for number in range(times):
        there.put(number)
        back.get()
    echoing.join()


CASES: dict[str, tuple[Callable[[int], None], int]] = {
    "gevent: spawn().join()": (spawn_and_join, 5_000),
    "gevent: sleep(0)": (sleep_zero, 50_000),
    "gevent: there and back by queues": (queue_hand_over, 10_000),
}

if __name__ == "__main__":
    costs = {}
    for name, (case, times) in CASES.items():
        case(times // 10)
        tries = []
        for _ in range(TRIES):
            begin = time.process_time_ns()
            case(times)
            tries.append((time.process_time_ns() - begin) / times)
        costs[name] = min(tries)
    print(json.dumps(costs))
