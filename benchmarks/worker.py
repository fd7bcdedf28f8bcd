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
    implementation, case = arguments.implementation, CASES[arguments.case]
    if implementation in PEERS:
        body = PEERS[implementation][case.name].setup()
    else:
        body = case.setup(importlib.import_module(implementation))

    def measure(loops: int) -> float:
        began = time.perf_counter()
        result = body(loops)
        took = time.perf_counter() - began
        return took if result is None else result

    runner.bench_time_func(case.name, measure, metadata={"unit": case.unit, "implementation": implementation})


if __name__ == "__main__":
    main()
