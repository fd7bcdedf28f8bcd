"""csrc/mechanism/: what holds whatever the policy says,
and what happens when something fails underneath.
"""

from __future__ import annotations

import ctypes
import dis
import gc
import os
import sys

import pytest

from switchlib import GreenletExit, _mechanism, getcurrent, greenlet
from switchlib._mechanism import Base
from tests.settings import gc_threshold


@pytest.fixture
def lib():
    from switchlib._switch import lib

    return lib


@pytest.mark.cpython("extensions know nothing of its objects")
def test_the_layout_is_greenlets():
    """PyGreenlet in greenlet.h: the object's head, then three pointers."""
    assert (
        greenlet.__basicsize__
        == Base.__basicsize__
        == object.__basicsize__ + 3 * ctypes.sizeof(ctypes.c_void_p)
    )
    assert greenlet.__weakrefoffset__ == object.__basicsize__
    assert greenlet.__dictoffset__ == object.__basicsize__ + ctypes.sizeof(ctypes.c_void_p)


def test_a_test_runs_in_the_mode_that_its_name_says(request):
    """It asks for no fixture: each test must get the mode, whatever it asks for."""
    mode = "shortcuts" if _mechanism.shortcuts(True) else "policy"
    _mechanism.shortcuts(mode == "shortcuts")
    assert request.node.name.endswith(f"[{mode}]")


@pytest.mark.cpython("its stacks cannot be inspected")
def test_a_buffer_shrinks_when_much_less_is_saved():
    """A million suspended greenlets must not each hold the deepest stack that they ever had."""
    main = getcurrent()

    def descend(levels):
        if levels:
            max([levels - 1], key=descend)  # by way of C, so that the C stack grows
        else:
            main.switch()

    each = greenlet(lambda: [descend(levels) for levels in (50, 0)])
    capacities = []
    for _ in range(2):
        each.switch()
        greenlet(lambda: max([1], key=lambda _: main.switch())).switch()  # needs its place
        capacities.append(_mechanism.slice_of(each)[4])
    assert 0 < capacities[1] < capacities[0] // 4


@pytest.mark.cpython("C calls no function of its there")
@pytest.mark.parametrize(("args", "packed"), [((), ()), ((1,), 1), ((1, 2), (1, 2))])
def test_a_tuple_of_no_keywords_is_as_good_as_none(args, packed):
    """C code may pass one where Python code passes nothing."""
    call = ctypes.PyDLL(None).PyObject_VectorcallMethod
    call.restype = ctypes.py_object
    call.argtypes = (
        ctypes.py_object,
        ctypes.POINTER(ctypes.py_object),
        ctypes.c_size_t,
        ctypes.py_object,
    )
    main = getcurrent()
    there = greenlet(
        lambda *began, **names: main.switch(began, names) or main.switch(main.switch())
    )

    def switch(values):
        array = (ctypes.py_object * (1 + len(values)))(there, *values)
        return call("switch", array, len(array), ())

    assert switch(args) == (args, {})
    there.switch(None)
    assert switch(args) == packed


@pytest.mark.cpython("policy stays, and is hidden")
@pytest.mark.parametrize("name", ["switch", "throw", "run", "parent", "gr_context"])
def test_builtins_stand_where_policy_stood(name):
    assert type(greenlet.__dict__[name]).__name__ in ("method_descriptor", "getset_descriptor")
    assert greenlet.__dict__[name].__doc__


def test_shortcuts_can_be_turned_off(shortcuts, python):
    assert _mechanism.shortcuts(None) is shortcuts
    code = "from switchlib import _mechanism; print(_mechanism.shortcuts(None))"
    assert python("-c", code, SWITCHLIB_SHORTCUTS="0").stdout.strip() == "False"
    assert python("-c", code, SWITCHLIB_SHORTCUTS="1").stdout.strip() == "True"


def test_policy_is_adopted_once():
    with pytest.raises(TypeError, match="once"):
        _mechanism.adopt(greenlet, Exception, GreenletExit)


@pytest.mark.parametrize(
    "question", ["ready", "state_of", "parent_of", "main_of", "run_of", "is_main", "slice_of"]
)
def test_questions_take_greenlets_only(question):
    with pytest.raises(TypeError, match="GreenletChecker: Expected any type of greenlet, not int"):
        getattr(_mechanism, question)(5)


@pytest.mark.parametrize("method", ["switch", "throw", "__init__"])
def test_methods_take_greenlets_only(method):
    with pytest.raises(TypeError):
        getattr(greenlet, method)(5, ValueError)


def test_an_abstract_subclass_is_not_made():
    import abc

    class Abstract(greenlet, metaclass=abc.ABCMeta):
        @abc.abstractmethod
        def run(self): ...

    with pytest.raises(TypeError, match="abstract"):
        Abstract()


@pytest.mark.cpython("it copies stacks itself")
def test_no_memory_for_a_slice_changes_nothing(lib):
    main = getcurrent()

    def run():
        while True:
            try:
                main.switch("at rest")
            except MemoryError:
                main.switch("refused")

    others = [greenlet(lambda: main.switch("other")) for _ in range(3)]
    for other in others:
        other.switch()
    each = greenlet(run)
    lib.stack_fail_allocation = 1
    try:
        assert each.switch() == "refused"
    finally:
        lib.stack_fail_allocation = 0
    assert each.switch() == "at rest"
    assert all(other and not other.dead for other in others)


INTERRUPTED = """
import signal, time
from switchlib import getcurrent, greenlet

main = getcurrent()
raised = 0
armed = False


def handler(signum, frame):
    global armed, raised
    if armed and getcurrent() is main:  # in the counter it would end that
        armed = False  # by the handler: nothing else can do it before the next signal
        raised += 1
        raise KeyboardInterrupt


def count():
    number = 0
    while True:
        main.switch(number)
        number += 1


def ask():
    global expected
    while time.monotonic() < deadline or raised < 10:
        number = each.switch()
        # Whether the interrupted switch took place cannot be known. Of the others none is lost.
        assert expected is None or number == expected, (number, expected)
        expected = number + 1


signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
each = greenlet(count)
deadline = time.monotonic() + 1
expected = None
while time.monotonic() < deadline or raised < 10:
    try:
        armed = True
        ask()  # no loop here: CPython 3.13 leaves the jump at its end out of the try statement
        armed = False
    except KeyboardInterrupt:
        expected = None
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_ctrl_c_in_a_loop_of_switches_loses_nothing(shortcuts, python):
    python("-X", "dev", "-c", INTERRUPTED, SWITCHLIB_SHORTCUTS=str(int(shortcuts)))


@pytest.mark.cpython("its collector has no thresholds")
def test_collections_at_every_turn():
    main = getcurrent()

    def run(*values):
        box = [values]
        box.append(box)
        while True:
            values = main.switch(*values, len(box))

    with gc_threshold(1):
        each = [greenlet(run) for _ in range(20)]
        for one in each:
            assert one.switch(1, 2) == (1, 2, 2)
        for _ in range(20):
            for one in each:
                assert one.switch(3, 4) == (3, 4, 2)


@pytest.mark.cpython("its collector has no thresholds")
def test_a_finaliser_may_switch_while_a_tuple_is_packed():
    main = getcurrent()

    def bounce(back):
        while True:
            back = back.switch()

    other = greenlet(bounce)

    class Cycle:
        def __init__(self):
            self.me = self

        def __del__(self):
            other.switch(getcurrent())

    each = greenlet(lambda *values: [main.switch(n, n) for n in range(200)])
    with gc_threshold(2):
        for number in range(200):
            Cycle()
            assert each.switch(1, 2) == (number, number)
    gc.collect()


def test_fork_with_suspended_greenlets():
    main = getcurrent()
    each = greenlet(lambda: main.switch(main.switch()))
    each.switch()
    child = os.fork()
    if child == 0:
        os._exit(7 if each.switch("child") == "child" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert each.switch("parent") == "parent"
    each.switch()


MANY = """
import psutil
from switchlib import getcurrent, greenlet
from switchlib._switch import lib

main = getcurrent()

def forever():
    while True:
        main.switch()

def go(switches, spawns):
    for _ in range(switches):
        each.switch()
    for _ in range(spawns):
        greenlet(lambda: main.switch()).switch()

each = greenlet(forever)
go(20_000, 20_000)  # until a JIT has compiled it
buffers, resident = lib.stack_counts.buffers, psutil.Process().memory_info().rss
go(250_000, 50_000)
print(lib.stack_counts.buffers - buffers, psutil.Process().memory_info().rss - resident)
"""


@pytest.mark.cpython("its collector and compiler make it grow and shrink")
def test_many_switches_and_spawns_leave_memory_where_it_was(python, shortcuts):
    """A million switches and a hundred thousand spawns,
    in a process that no other test has used.
    """
    buffers, resident = map(
        int, python("-c", MANY, SWITCHLIB_SHORTCUTS=str(int(shortcuts))).stdout.split()
    )
    assert buffers <= 1
    assert resident < 2 << 20


@pytest.mark.cpython("it copies stacks itself")
def test_a_dead_greenlet_holds_no_buffer(lib):
    main = getcurrent()
    many = [greenlet(main.switch) for _ in range(10)]
    before = lib.stack_counts.buffers
    for each in many:
        each.switch()
    assert lib.stack_counts.buffers >= before + 9
    for each in many:
        each.switch()
    assert lib.stack_counts.buffers <= before + 1  # the main greenlet keeps one


def frames() -> list[int]:
    """The return addresses that the compiler's unwinder finds, innermost first."""
    try:
        unwinder = ctypes.CDLL(None if sys.platform == "darwin" else "libgcc_s.so.1")
    except OSError as missing:
        pytest.skip(f"there is no unwinder: {missing}")
    addresses: list[int] = []
    unwinder._Unwind_GetIP.restype = ctypes.c_void_p

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    def see(context: int, _: int | None) -> int:
        addresses.append(unwinder._Unwind_GetIP(ctypes.c_void_p(context)))
        return 0

    unwinder._Unwind_Backtrace(see, None)
    return [address for address in addresses if address is not None]


@pytest.mark.cpython("it copies stacks itself")
def test_an_unwinder_stops_at_the_base_of_a_greenlets_stack():
    def deeper(levels):
        return deeper(levels - 1) if levels else sorted([0], key=lambda _: found.append(frames()))

    found = [frames()]
    outermost = found[0][-1]
    greenlet(deeper).switch(0)
    greenlet(deeper).switch(3)
    _, shallow, deep = found
    assert len(shallow) > 3
    assert outermost not in shallow
    assert outermost not in deep
    assert shallow[-1] == deep[-1], "both end in the register switch that began them"


@pytest.mark.once
@pytest.mark.parametrize("mode", ["0", "1"])
@pytest.mark.parametrize(
    "ending",
    [
        "",
        "each.attribute = each",
        "import atexit; atexit.register(each.switch)",
        "import threading; threading.Thread(target=lambda: time.sleep(5), daemon=True).start()",
        "sys.exit(0)",
        "class C:\n"
        "    def __del__(self): greenlet(lambda: None).switch()\n"
        "keep = C(); keep.me = keep",
        "greenlet(lambda: sys.exit(0)).switch()",
        "import threading\ndef f():\n    g = greenlet(run); g.switch(); time.sleep(5)\n"
        "threading.Thread(target=f, daemon=True).start(); time.sleep(0.1)",
    ],
)
def test_the_interpreter_may_end_with_suspended_greenlets(python, mode, ending):
    program = (
        "import sys, time\nfrom switchlib import greenlet, getcurrent\n"
        "def run():\n"
        "    try:\n"
        "        getcurrent().parent.switch()\n"
        "    finally:\n"
        "        x = [1, 2]\n"
        "each = greenlet(run)\neach.switch()\n"
    )
    done = python("-X", "dev", "-c", program + ending, SWITCHLIB_SHORTCUTS=mode)
    assert "Fatal" not in done.stderr
    assert "Error" not in done.stderr


def test_each_greenlet_has_attributes_of_its_own():
    """Those that are switched to again get an empty dict,
    where the interpreter then specialises the call.
    """
    main = getcurrent()

    def run():
        while True:
            main.switch()

    each = [greenlet(run) for _ in range(3)]
    for _ in range(3):
        for one in each:
            one.switch()
    each[0].mark = 0
    assert [one.__dict__ for one in each] == [{"mark": 0}, {}, {}]
    for one in each:
        one.switch()
    assert [one.__dict__ for one in each] == [{"mark": 0}, {}, {}]


@pytest.mark.skipif(
    sys.implementation.name != "cpython" or sys.version_info[:2] != (3, 11),
    reason=(
        "how calls of methods are specialised is the interpreter's affair; 3.11 wants a dict for it"
    ),
)
def test_calls_of_switch_are_specialised():
    main = getcurrent()

    def run():
        while True:
            main.switch()

    def turns(there):
        for _ in range(100):
            there.switch()

    turns(there := greenlet(run))
    assert "LOAD_METHOD_WITH_DICT" in [
        each.opname for each in dis.get_instructions(turns, adaptive=True)
    ]
    del there


@pytest.mark.cpython("nothing is checked there")
@pytest.mark.parametrize(
    "wrong", [None, [], (1,), ((print,),), ((print, "1"),), ((3, 1),), ((print, 2**80),)]
)
def test_watchers_are_checked(wrong):
    before = _mechanism.watchers()
    with pytest.raises(TypeError, match="watchers are a tuple of pairs"):
        _mechanism.replace_watchers(before, wrong)
    assert _mechanism.watchers() is before
    assert not _mechanism.replace_watchers((3,), ((print, 1),))
    assert _mechanism.watchers() is before
