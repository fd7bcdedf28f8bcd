"""Subinterpreters: switchlib is the main one's alone,
and does no harm to those that have a GIL of their own.
"""

from __future__ import annotations

import importlib
import re
import sys

import pytest


def why_not() -> str:
    """Why this interpreter cannot make any, if so:
    some are built into programs that leave out what this needs.
    """
    try:
        importlib.import_module(
            "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
        )
    except ImportError as missing:
        return str(missing)
    return ""


pytestmark = [
    pytest.mark.cpython("it has none"),
    pytest.mark.once,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

INTERPRETERS = """
import sys
try:
    import _interpreters
except ModuleNotFoundError:
    import _xxsubinterpreters
    run = _xxsubinterpreters.run_string
    create = lambda kind: _xxsubinterpreters.create(isolated=kind == "isolated")
else:
    create, run = _interpreters.create, _interpreters.exec
"""

IN_A_SUBINTERPRETER = (
    INTERPRETERS
    + """
if sys.argv[1] == "second":
    import switchlib
attempt = '''
try:
    import switchlib
except ImportError as error:
    print(error)
'''
print(run(create(sys.argv[2]), attempt))
"""
)


@pytest.mark.parametrize("order", ["first", "second"])
@pytest.mark.parametrize("kind", ["legacy", "isolated"])
def test_a_subinterpreter_is_refused(python, order, kind):
    """Whether it shares the GIL or, from CPython 3.12 on, is told to have its own.
    The interpreter may refuse before us and cffi's own library before ours.
    """
    done = python("-c", IN_A_SUBINTERPRETER, order, kind)
    assert re.fullmatch(
        r"(switchlib can be loaded once in a process, by the main interpreter"
        r"|module (_cffi_backend|(switchlib\.)?_switch) does not support loading in "
        r"subinterpreters)\nNone\n",
        done.stdout,
    )


IN_PARALLEL = (
    INTERPRETERS
    + """
import threading
from switchlib import getcurrent, greenlet

main = getcurrent()
many = [greenlet(lambda: main.switch()) for _ in range(5000)]
for each in many:
    each.switch()

def work():
    there = create("isolated")
    run(there, sys.argv[1] + "\\nimport os; os.write(1, b'done ')")

threads = [threading.Thread(target=work) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
"""
)

ARENAS = """
from time import monotonic
end = monotonic() + 2
while monotonic() < end:
    many = [(i, "x" * (i % 50)) for i in range(60000)]
    for i in range(0, 60000, 97):
        assert many[i] == (i, "x" * (i % 50))
    del many
"""

CHUNKS = """
from time import monotonic
end = monotonic() + 4
def leaf(a):
    b, c = a, (a,)
    assert b is a and c[0] is a
def deep(n):
    if n:
        return deep(n - 1)
    for i in range(2000):
        leaf(i)
while monotonic() < end:
    for depth in range(70, 110):
        deep(depth)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="all share one GIL there")
@pytest.mark.parametrize("work", [ARENAS, CHUNKS], ids=["arenas", "chunks"])
def test_it_gets_memory_of_its_own_while_greenlets_lie_in_huge_pages(python, work):
    """The allocator of arenas, and of chunks of data stacks, is one for all interpreters."""
    assert python("-c", IN_PARALLEL, work).stdout == "done " * 4
