"""1,000 greenlets that switch all the time, each through functions of its own.

The functions of greenlet number k are called k_0, k_1, ...; each calls the next.
"""

import sys

from switchlib import greenlet

COUNT, DEPTH = int(sys.argv[1]), 5

functions: dict = {}
for k in range(COUNT):
    lines = [f"def f{k}_{i}(): f{k}_{i + 1}()" for i in range(DEPTH)]
    lines += [f"def f{k}_{DEPTH}():", "    step()", ""]
    lines += [f"def f{k}_run():", "    while True:", f"        f{k}_0()"]
    exec("\n".join(lines), functions)


class Number(greenlet):
    """It switches to the next one."""

    following: greenlet  # the main greenlet, until all have begun


def step():
    greenlet.getcurrent().following.switch()


functions["step"] = step
all_of_them = [Number(functions[f"f{k}_run"]) for k in range(COUNT)]
for k, each in enumerate(all_of_them):
    each.k = k
    each.following = greenlet.getcurrent()
    each.switch()
for k, each in enumerate(all_of_them):
    each.following = all_of_them[(k + 1) % COUNT]
print("ready", flush=True)
all_of_them[0].switch()
