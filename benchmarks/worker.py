"""Measures one case in this process, with pyperf:
`python worker.py IMPLEMENTATION CASE` and pyperf's options.

The implementation is a module with greenlet's names, or one of those in peers.py.
"""

from __future__ import annotations

import importlib
import time
from functools import partial

import pyperf
from cases import CASES, Body
from peers import PEERS


def main() -> None:
    runner = pyperf.Runner()
    runner.argparser.add_argument("implementation")
    runner.argparser.add_argument("case", choices=CASES)
    arguments = runner.parse_args()
    case = CASES[arguments.case]
    if arguments.implementation in PEERS:
        peer = PEERS[arguments.implementation][case.name]
        setup, waits = peer.setup, peer.waits
    else:
        setup, waits = (
            partial(case.setup, importlib.import_module(arguments.implementation)),
            case.waits,
        )
    clock = time.perf_counter if waits else time.process_time
    body: Body | None = None

    def measure(loops: int) -> float:
        nonlocal body
        if (
            body is None
        ):  # on the same depth of stack as what is measured: what lies deeper would be copied
            body = setup()
        began = clock()
        result = body(loops)
        took = clock() - began
        return took if result is None else result

    metadata = {
        "unit": case.unit,
        "implementation": arguments.implementation,
        "clock": clock.__name__,
    }
    runner.bench_time_func(case.name, measure, metadata=metadata)


if __name__ == "__main__":
    main()
