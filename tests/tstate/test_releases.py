"""csrc/tstate/matches.h, gil.h: one binary is for all patch releases of a version,
and refuses what is none of them.

`python tools/patch_releases.py` runs tests, these among them, on the first and the last.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable

import pytest

from tests.conftest import PYPY

pytestmark = pytest.mark.once

table = pytest.mark.skipif(
    PYPY or sys.version_info < (3, 13), reason="the interpreter has no table of offsets"
)

NUMBERS, TO_HOLDER, LOOKED_AT = {
    (3, 13): (73, 18, 15),
    (3, 14): (95, 19, 17),
    (3, 15): (111, 19, 20),
}.get(sys.version_info[:2], (0, 0, 0))
"""How many numbers the table has; which one says where the GIL's last holder lies in the
interpreter's state; and how many are looked at, not counting the version.
"""


def running_state() -> int:
    get = ctypes.pythonapi.PyThreadState_Get
    get.restype = ctypes.c_void_p
    return get()


@table
def test_the_last_holder_of_the_gil_is_the_running_thread():
    offsets = (ctypes.c_uint64 * (TO_HOLDER + 1)).in_dll(ctypes.pythonapi, "_PyRuntime")
    main = ctypes.pythonapi.PyInterpreterState_Main
    main.restype = ctypes.c_void_p
    holder = ctypes.c_void_p.from_address(main() + offsets[TO_HOLDER])
    seen: list[bool] = []
    start = threading.Barrier(4)

    def look() -> None:
        start.wait()
        for _ in range(300):
            seen.append(holder.value == running_state())
            event = threading.Event()
            event.wait(1e-6)  # lets go of the GIL, and takes it again
            seen.append(holder.value == running_state())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 2400
    assert all(seen)


REFUSED = """
import ctypes, os, sys
table = (ctypes.c_uint64 * int(sys.argv[1])).in_dll(ctypes.pythonapi, "_PyRuntime")
for place in range(1, len(table)):
    for wrong in table[place] + 8, 2**40:
        child = os.fork()
        if not child:
            table[place] = wrong
            try:
                import switchlib
            except ImportError as error:
                os._exit(10 if "compiled for another release" in str(error) else 11)
            os._exit(20 if switchlib.getcurrent() is switchlib.getcurrent().switch.__self__ else 21)
        print(place, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@table
def test_a_table_that_says_otherwise_is_refused(python: Callable[..., object]):
    done = python("-c", REFUSED, str(NUMBERS))
    came = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(came) == (NUMBERS - 1) * 2
    assert {status for _, status in came} == {10, 20}  # it never crashes
    version = 1
    refused = {place for place, status in came if status == 10} - {version}
    assert not refused & {
        place for place, status in came if status == 20
    }  # whichever way they are wrong
    assert TO_HOLDER in refused
    assert len(refused) == LOOKED_AT


def test_it_says_that_the_interpreter_is_one_that_it_knows(python: Callable[..., object]):
    """Also if a thread that traces, or a generator, or a greenlet of a context imports it."""
    done = python(
        "-c",
        """
import contextvars, sys, threading
def generator():
    import switchlib
    yield switchlib.getcurrent().dead
variable = contextvars.ContextVar("variable")
def run():
    sys.settrace(lambda *args: None)
    variable.set("mine")
    print(next(generator()), variable.get(), sys.gettrace() is not None, sys.getrecursionlimit())
sys.setrecursionlimit(777)
thread = threading.Thread(target=lambda: contextvars.copy_context().run(run))
thread.start()
thread.join()
""",
    )
    assert done.stdout.split() == ["False", "mine", "True", "777"]
