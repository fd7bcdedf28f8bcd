"""Measures one case in this process, with pyperf: `python worker.py IMPLEMENTATION CASE` and pyperf's options.

The implementation is a module with greenlet's names, or one of those in peers.py.
"""

from __future__ import annotations

import importlib
import time

import pyperf
from cases import CASES
from peers import PEERS


def main() -> None:
    runner = pyperf.Runner()
    runner.argparser.add_argument("implementation")
    runner.argparser.add_argument("case", choices=CASES)
    arguments = runner.parse_args()
    case = CASES[arguments.case]
    if arguments.implementation in PEERS:
        peer = PEERS[arguments.implementation][case.name]
        body, waits = peer.setup(), peer.waits
    else:
        body, waits = case.setup(importlib.import_module(arguments.implementation)), case.waits
    clock = time.perf_counter if waits else time.process_time

    def measure(loops: int) -> float:
        began = clock()
        result = body(loops)
        took = clock() - began
        return took if result is None else result

    metadata = {"unit": case.unit, "implementation": arguments.implementation, "clock": clock.__name__}
    runner.bench_time_func(case.name, measure, metadata=metadata)


if __name__ == "__main__":
    main()
