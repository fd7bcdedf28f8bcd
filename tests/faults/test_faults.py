"""Faults at the Python level: no memory, interrupts, collections, threads, forks, tracers, in every place they can hit.

Two tables drive most of it. ACTIONS are the ways to use greenlets, each with what comes out. A fault is let loose at
the first place where it can strike, then at the second, until an action has met it at every one.
"""

from __future__ import annotations

import contextlib
import cProfile
import functools
import gc
import itertools
import operator
import signal
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import switchlib
from switchlib import GreenletExit, error, getcurrent, greenlet
from switchlib import _greenlet as policy
from tests.settings import gc_threshold, switch_interval, traced

lib = pytest.importorskip("switchlib._switch", reason="it tests the mechanism in C").lib

_testcapi = pytest.importorskip("_testcapi", reason="CPython's own test modules are not installed")
try:
    order_pending_call = _testcapi._pending_threadfunc
except AttributeError:
    import _testinternalcapi

    order_pending_call = _testinternalcapi.pending_threadfunc

# --------------------------------------------------------------------------------------------------- the actions


class Thrown(Exception):
    pass


NO_MEMORY = "no memory"  # for what was thrown
memory_comes_back = _testcapi.remove_mem_hooks  # to call a Python function might take some


def answer(*args: Any, **kwargs: Any) -> None:
    """Gives back what it gets and what is raised in it. An interrupt or a lack of memory does not end it."""
    main = getcurrent().parent
    value: Any = (args, kwargs)
    while True:
        try:
            value = main.switch(value)
        except KeyboardInterrupt:
            continue
        except MemoryError:
            memory_comes_back()
            value = NO_MEMORY
        except Thrown as exception:
            value = exception


@dataclass
class Action:
    """`make` gets a case ready and returns what is to be called with a fault about, and what must come of it."""

    make: Callable[[], tuple[Callable[[], Any], Any]]
    again: bool = True  # an action that was interrupted has changed nothing and may be done again


suspended_ones: weakref.WeakSet[greenlet] = weakref.WeakSet()


def suspended() -> greenlet:
    each = greenlet(answer)
    each.switch()
    suspended_ones.add(each)
    return each


def dead() -> greenlet:
    each = greenlet(lambda: None)
    each.switch()
    return each


def switch_with_one() -> tuple[Callable[[], Any], Any]:
    each = suspended()
    return lambda: each.switch(1), 1


def switch_with_many() -> tuple[Callable[[], Any], Any]:
    each = suspended()
    return lambda: each.switch(1, 2, 3), (1, 2, 3)


def switch_with_keywords() -> tuple[Callable[[], Any], Any]:
    each = suspended()
    return lambda: each.switch(1, 2, 3, 4, 5, 6, 7, a=8), ((1, 2, 3, 4, 5, 6, 7), {"a": 8})


def switch_to_what_stood_when_tracing_began() -> tuple[Callable[[], Any], Any]:
    """From CPython 3.13 on its code is instrumented at the switch, which takes memory once for each code."""
    each, tracer = greenlet(types.FunctionType(answer.__code__.replace(), globals())), sys.gettrace()
    each.switch()
    sys.settrace(lambda *event: None)
    sys.settrace(tracer)
    return lambda: each.switch(1), 1


def switch_to_the_dead() -> tuple[Callable[[], Any], Any]:
    each = dead()
    return lambda: each.switch(5), 5


def switch_to_oneself() -> tuple[Callable[[], Any], Any]:
    return lambda: getcurrent().switch(6), 6


def throw_a_class() -> tuple[Callable[[], Any], Any]:
    each = suspended()
    return lambda: type(each.throw(Thrown)), Thrown


def throw_an_instance() -> tuple[Callable[[], Any], Any]:
    each, exception = suspended(), Thrown()
    return lambda: each.throw(exception), exception


def throw_into_the_dead() -> tuple[Callable[[], Any], Any]:
    each = dead()

    def act() -> Any:
        try:
            return each.throw(Thrown)
        except Thrown:
            return "raised"

    return act, "raised"


def throw_exit_into_the_dead() -> tuple[Callable[[], Any], Any]:
    each = dead()
    return lambda: type(each.throw()), GreenletExit


def start() -> tuple[Callable[[], Any], Any]:
    each = greenlet(answer)
    return lambda: each.switch(1, a=2) if not each else "started", ((1,), {"a": 2})


def start_plainly() -> tuple[Callable[[], Any], Any]:
    main = getcurrent()
    each = greenlet(lambda value: main.switch(value))
    return lambda: each.switch(7), 7


def throw_into_the_unstarted() -> tuple[Callable[[], Any], Any]:
    each = greenlet(lambda: None)

    def act() -> Any:
        try:
            return each.throw(Thrown)
        except Thrown:
            return each.dead

    return act, True


def end_with_a_result() -> tuple[Callable[[], Any], Any]:
    each = greenlet(lambda: "result")
    return each.switch, "result"


def end_with_an_exception() -> tuple[Callable[[], Any], Any]:
    def run() -> None:
        raise Thrown

    each = greenlet(run)

    def act() -> Any:
        try:
            return each.switch()
        except Thrown:
            return "raised"

    return act, "raised"


def end_past_the_dead_into_the_unstarted() -> tuple[Callable[[], Any], Any]:
    heir = greenlet(lambda value: ("heir", value))
    each = greenlet(lambda: "result", greenlet(lambda: None, heir))
    each.parent.parent = getcurrent()
    each.parent.switch()
    each.parent.parent = heir
    return each.switch, ("heir", "result")


def create() -> tuple[Callable[[], Any], Any]:
    def act() -> Any:
        each = greenlet(run=None, parent=getcurrent())
        each.run = len
        each.parent = greenlet()
        each.gr_context = None
        return each.run

    return act, len


def kill() -> tuple[Callable[[], Any], Any]:
    main, ended = getcurrent(), []

    def run() -> None:
        try:
            main.switch()
        finally:
            ended.append("ended")

    box = [greenlet(run)]
    box[0].switch()

    def act() -> Any:
        box.clear()
        getcurrent()
        return ended.copy()

    return act, ["ended"]


ACTIONS = {
    function.__name__: Action(function, again)
    for function, again in [
        (switch_with_one, True),
        (switch_with_many, True),
        (switch_with_keywords, True),
        (switch_to_what_stood_when_tracing_began, True),
        (switch_to_the_dead, True),
        (switch_to_oneself, True),
        (throw_a_class, True),
        (throw_an_instance, True),
        (throw_into_the_dead, True),
        (throw_exit_into_the_dead, True),
        (start, True),
        (start_plainly, True),
        (throw_into_the_unstarted, False),
        (end_with_a_result, False),
        (end_with_an_exception, False),
        (end_past_the_dead_into_the_unstarted, False),
        (create, True),
        (kill, True),
    ]
}
every_action = pytest.mark.parametrize("name", ACTIONS)

# ----------------------------------------------------------------------- between any two bytecodes of the policy


@dataclass
class Striking:
    """Calls `fault` at the number-th place in policy where the interpreter looks whether something else is to be done.

    It looks there by way of a pending call that orders the next one. One look makes up to 32 pending calls.
    """

    fault: Callable[[], None]
    number: int
    seen: int = 0
    struck: bool = False
    place: Any = None
    steps: list[Callable[[], int]] = field(default_factory=list)

    def look(self) -> int:
        frame = sys._getframe(1)
        if frame.f_code.co_filename == policy.__file__:
            if (id(frame), frame.f_lasti) != self.place:
                self.place = id(frame), frame.f_lasti
                if self.seen == self.number:
                    self.struck = True
                    self.end()
                    self.fault()
                self.seen += 1
        else:
            self.place = None
        return 0

    def __enter__(self) -> Striking:
        # One call in C does both steps: would Python code run after the order, within the pending call, the interpreter
        # would look whether to make it, see that it is making calls, and from 3.13 on forget it.
        steps_in_turn = functools.partial(max, self.steps, key=operator.methodcaller("__call__"))
        order = functools.partial(order_pending_call, steps_in_turn)
        self.steps += [self.look, order]
        order()
        return self

    def end(self) -> None:
        """The last call may still come, but orders no other."""
        del self.steps[1:]

    def __exit__(self, *raised: object) -> None:
        self.end()


def strike(fault: Callable[[], None], action: Action) -> Iterator[tuple[Any, Any, Callable[[], Any]]]:
    """What comes of the action with the fault at each place in turn."""
    for number in range(10_000):
        act, expected = action.make()
        with Striking(fault, number) as striking:
            try:
                outcome = act()
            except BaseException as exception:
                outcome = exception.with_traceback(None)  # which would hold this frame, and that the outcome
        if not striking.struck:
            assert outcome == expected
            return
        yield outcome, expected, act
    raise AssertionError("there is no end of places")


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def unraisable(monkeypatch) -> list[type[BaseException]]:
    """What was raised where nobody could catch it."""
    found: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: found.append(event.exc_type))
    return found


@every_action
def test_an_interrupt_anywhere_in_policy(name, shortcuts, unraisable):
    """It comes out of the call that was interrupted, and nothing has changed; at an end it goes to the parent."""
    action, places, came_out = ACTIONS[name], 0, 0
    for outcome, expected, act in strike(interrupt, action):
        places += 1
        if isinstance(outcome, KeyboardInterrupt):
            came_out += 1
            if action.again:
                assert act() == expected
        else:
            # It was interrupted in a greenlet that took no harm, or in a kill that could not tell.
            assert outcome == expected
    assert shortcuts or places > 1
    assert came_out or unraisable or shortcuts
    assert set(unraisable) <= {KeyboardInterrupt}


def chain_of(exception: BaseException | None) -> list[type[BaseException]]:
    """The exception's type and those of its contexts."""
    found = []
    while exception is not None:
        found.append(type(exception))
        exception = exception.__context__
    return found


def test_an_interrupt_at_an_end_hides_no_exception(shortcuts):
    def make():
        each = greenlet(lambda: [].pop())

        def act():
            try:
                each.switch()
            except BaseException as exception:
                return chain_of(exception)

        return act, [IndexError]

    outcomes = [outcome for outcome, _, _ in strike(interrupt, Action(make, again=False))]
    assert all(IndexError in outcome for outcome in outcomes if outcome != [KeyboardInterrupt])
    assert shortcuts or outcomes.count([KeyboardInterrupt, IndexError]) > 3


def collect() -> None:
    """With garbage whose finaliser leaves the collector for another greenlet, and comes back."""

    class Finalised:
        def __del__(self) -> None:
            here = getcurrent()
            greenlet(lambda: here.switch()).switch()

    cycle = Finalised()
    cycle.me = cycle
    del cycle
    gc.collect()


def run_another_thread() -> None:
    """It uses greenlets of its own and drops one of ours."""
    here = getcurrent()
    box = [greenlet(lambda: here.switch())]
    box[0].switch()

    def work() -> None:
        main = getcurrent()
        each = greenlet(lambda: main.switch(1))
        assert each.switch() == 1
        box.clear()
        each.switch()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def go_elsewhere() -> None:
    here = getcurrent()
    assert greenlet(lambda: here.switch("there")).switch() == "there"


HARMLESS = [collect, run_another_thread, go_elsewhere]


@every_action
@pytest.mark.parametrize("fault", HARMLESS)
def test_whatever_runs_between_two_bytecodes_of_policy(fault, name, unraisable):
    for outcome, expected, _ in strike(fault, ACTIONS[name]):
        assert outcome == expected
    assert unraisable == []


@every_action
def test_a_target_that_dies_while_policy_decides(name, unraisable):
    """What was meant for it goes to its parent, which is who asked."""

    def end_it() -> None:
        for each in suspended_ones:
            if each is not getcurrent():
                each.parent = getcurrent()
                each.throw()

    for outcome, expected, _ in strike(end_it, ACTIONS[name]):
        assert outcome == expected or isinstance(outcome, (Thrown, GreenletExit))
    assert unraisable == []


# ----------------------------------------------------------------------------------------------------- no memory


SPARED = {"switch_with_one", "switch_with_keywords", "switch_with_many", "switch_to_the_dead", "switch_to_oneself"}
# Python frames alone take memory here. On 3.10 a function keeps its last one; later they may lie in a larger block of
# csrc/memory/blocks.c, whose memory is not the interpreter's to refuse.
SPARED |= {"end_with_a_result", "start_plainly"}
if sys.version_info[:2] not in [(3, 13), (3, 14)]:
    SPARED.add("switch_to_what_stood_when_tracing_began")  # no frame object is made


@every_action
@pytest.mark.parametrize("lasting", [True, False], ids=["no more memory", "one allocation fails"])
def test_no_memory_anywhere(name, lasting, unraisable):
    """MemoryError or what was to come of it, and no harm to what can be done again."""
    action = ACTIONS[name]
    refused = spared = number = 0
    while spared < 20:
        act, expected = action.make()
        _testcapi.set_nomemory(number, 0 if lasting else number + 1)
        try:
            outcome = act()
        except BaseException as exception:
            outcome = exception.with_traceback(None)
        finally:
            memory_comes_back()
        number += 1
        if outcome == expected:
            spared += 1
            continue
        refused, spared = refused + 1, 0
        if name == "kill":
            assert outcome == [] or isinstance(outcome, MemoryError), "its last code had no memory"
        elif isinstance(outcome, MemoryError):
            assert not action.again or act() == expected, number
        else:
            assert outcome == (str if name == "throw_a_class" else NO_MEMORY), number
    # What comes from free lists is never refused.
    assert refused or name in SPARED
    assert set(unraisable) <= {MemoryError, GreenletExit}


class Stuck(Exception):
    pass


def test_the_reserve_covers_the_switch_at_an_end():
    main = getcurrent()
    box = []

    def body():
        lib.stack_fail_allocation = 1
        return "result"

    def starter():
        assert greenlet(body, main).switch() == "started again"
        return "starter's"

    for _ in range(3):
        each = greenlet(starter)
        box.append(each)
        used = lib.stack_counts.reserves_used
        assert each.switch() == "result"
        assert lib.stack_fail_allocation == 0, "it was used up"
        assert lib.stack_counts.reserves_used == used + 1, "and the reserve, which was there again, with it"
        assert each.switch("started again") == "starter's"


@pytest.mark.parametrize("raising", [False, True], ids=["result", "exception"])
def test_memory_error_climbs_the_parents(raising):
    """The parent cannot be reached, since the grandparent lies in its way; the grandparent can."""
    main = getcurrent()
    parent = greenlet(lambda: main.switch("parent waits"))
    assert parent.switch() == "parent waits"

    def body():
        lib.stack_fail_allocation = -1
        if raising:
            raise Stuck
        return "result"

    def climb():
        each = greenlet(body, parent)
        try:
            each.switch()
        except MemoryError as exception:
            lib.stack_fail_allocation = 0
            return each.dead, type(exception.__context__)
        finally:
            lib.stack_fail_allocation = 0

    grandparent = greenlet(climb)
    parent.parent = grandparent
    assert grandparent.switch() == (True, Stuck if raising else type(None))
    parent.parent = main
    assert parent.switch("parent goes on") == "parent goes on"


FATAL = """
from switchlib import getcurrent, greenlet
from switchlib._switch import lib
main = getcurrent()

def body():
    lib.stack_fail_allocation = -1
    1 / 0

greenlet(lambda: greenlet(body, main).switch()).switch()
"""


def test_the_one_fatal_error(shortcuts, python):
    """There is no memory to leave an ended greenlet for anybody. What it ended by is told."""
    done = python("-X", "faulthandler", "-c", FATAL, check=False, SWITCHLIB_SHORTCUTS=str(int(shortcuts)))
    assert done.returncode == -signal.SIGABRT
    assert "Fatal Python error: " in done.stderr
    assert "switchlib: no memory to leave a greenlet that has ended" in done.stderr
    assert "MemoryError" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr


def test_an_end_whose_parents_have_moved_to_another_thread_goes_to_main():
    """greenlet calls it a fatal error that no parent is left."""
    middle = greenlet()

    def run():
        other = []

        def move():
            other.append(getcurrent())
            middle.parent = getcurrent()

        thread = threading.Thread(target=move)
        thread.start()
        thread.join()
        raise Stuck

    each = greenlet(run, middle)
    with pytest.raises(error) as caught:
        each.switch()
    assert each.dead
    assert Stuck in chain_of(caught.value), "and what it ended by is not lost"


# ------------------------------------------------------------- all the time: collections, tracers, profilers


def collections_all_the_time() -> contextlib.AbstractContextManager[None]:
    return gc_threshold(1, 1, 1)


@contextlib.contextmanager
def every_line_traced() -> Iterator[None]:
    lines = 0

    def tracer(frame: Any, event: str, argument: Any) -> Any:
        nonlocal lines
        assert frame.f_code.co_filename != policy.__file__
        lines += 1
        return tracer

    with traced(tracer):
        yield
    assert lines


@contextlib.contextmanager
def every_call_profiled() -> Iterator[None]:
    calls = []

    def profiler(frame: Any, event: str, argument: Any) -> None:
        calls.append(frame.f_code.co_filename)

    sys.setprofile(profiler)
    try:
        yield
    finally:
        sys.setprofile(None)
    assert calls
    assert policy.__file__ not in calls


@contextlib.contextmanager
def profiled_in_c() -> Iterator[None]:
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()


@contextlib.contextmanager
def every_switch_traced() -> Iterator[None]:
    events = []
    switchlib.settrace(lambda event, pair: events.append((event, *pair)))
    try:
        yield
    finally:
        switchlib.settrace(None)
    for (_, _, arrived), (_, left, _) in itertools.pairwise(events):
        assert left is arrived, "each switch leaves who was arrived at"


@contextlib.contextmanager
def beside_a_busy_thread() -> Iterator[None]:
    over = False

    def work() -> None:
        main = getcurrent()
        each = greenlet(lambda: [main.switch() for _ in itertools.count()])
        while not over:
            each.switch()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with switch_interval(1e-6):
            yield
    finally:
        over = True
        thread.join()


# Without greenlets, too: call a method in a loop under cProfile, again and again, and count references to its class.
JIT_RECORDS = sys.version_info >= (3, 15) and sys._jit.is_enabled()


def recorded(test: Any) -> Any:
    leaks = pytest.mark.leaks("what the JIT of CPython 3.15 was recording when somebody began to trace")
    return leaks(test) if JIT_RECORDS else test


BESIDE = [
    collections_all_the_time,
    every_line_traced,
    every_call_profiled,
    profiled_in_c,
    every_switch_traced,
    beside_a_busy_thread,
]


@pytest.mark.parametrize("beside", BESIDE)
@recorded
def test_every_action_beside(beside, unraisable):
    made = [(name, *action.make()) for _ in range(5) for name, action in ACTIONS.items()]
    with beside():
        outcomes = [(name, act(), expected) for name, act, expected in made]
    for name, outcome, expected in outcomes:
        assert outcome == expected, name
    assert unraisable == []


# --------------------------------------------------------------------------------------------------- recursion, kills


def test_a_recursion_error_in_a_greenlet_ends_it_alone():
    main = getcurrent()

    def recurse():
        return recurse()

    def careful():
        while True:
            try:
                recurse()
            except RecursionError as exception:
                main.switch(type(exception))

    waiting = suspended()
    each = greenlet(careful)
    for _ in range(3):
        assert each.switch() is RecursionError
        assert waiting.switch("x") == "x"
        with pytest.raises(RecursionError):
            greenlet(recurse).switch()


def test_a_switch_at_every_depth_up_to_the_limit():
    """Policy, too, may be refused a call: then nothing has changed."""
    each = suspended()
    outcomes = []

    def descend():
        with contextlib.suppress(RecursionError):
            descend()
        try:
            outcomes.append(each.switch("deep"))
        except RecursionError:
            outcomes.append(RecursionError)

    descend()
    assert outcomes[-1] == "deep"
    assert set(outcomes) <= {"deep", RecursionError}
    refused = outcomes.count(RecursionError)
    assert refused < 20
    assert each.switch("still there") == "still there"


def test_what_is_raised_while_a_greenlet_is_killed(unraisable):
    """By finalisers of what it holds, by context managers that it is in, by a tracer."""
    main = getcurrent()
    seen = []

    class Finalised:
        def __del__(self):
            seen.append("del")
            raise LookupError

    class Manager:
        def __enter__(self):
            return self

        def __exit__(self, kind, *rest):
            seen.append(kind)
            raise ValueError

    def run(held):
        with Manager():
            main.switch()

    each = greenlet(run)
    each.switch(Finalised())
    del each
    assert seen == [GreenletExit, "del"]
    assert sorted(found.__name__ for found in unraisable) == ["LookupError", "ValueError"]

    def tracer(event, pair):
        raise ArithmeticError

    unraisable.clear()
    each = greenlet(lambda: main.switch())
    each.switch()
    switchlib.settrace(tracer)
    del each
    assert switchlib.gettrace() is None
    assert unraisable == [ArithmeticError]


@pytest.mark.leaks("a greenlet that lives on although nobody refers to it")
def test_a_context_manager_that_swallows_the_kill(capsys):
    main = getcurrent()
    seen = []

    def run():
        with contextlib.suppress(GreenletExit):
            main.switch()
        seen.append("went on")
        main.switch("from the dead")

    each = greenlet(run)
    each.switch()
    box = [each]
    del each
    reference = weakref.ref(box[0])
    box.clear()
    assert seen == ["went on"]
    assert reference() is not None, "nobody can run it and it cannot be freed"
    assert capsys.readouterr().err.startswith("GreenletExit did not kill <greenlet.greenlet object at ")
    reference().throw()


# ---------------------------------------------------------------------------------------- forks, threads, the very end


FORK = """
import os, sys, threading
from switchlib import getcurrent, greenlet
main = getcurrent()

def body(number):
    received = main.switch(number)
    try:
        return received
    finally:
        pass

def fork_in_a_greenlet():
    child = os.fork()
    main.switch(child)
    return "end"

def elsewhere():
    top = getcurrent()
    each = greenlet(lambda: top.switch())
    each.switch()
    ready.set()
    forked.wait(10)
    each.switch()

ready, forked = threading.Event(), threading.Event()
thread = threading.Thread(target=elsewhere)
thread.start()
ready.wait(10)
many = [greenlet(body) for _ in range(50)]
assert [each.switch(number) for number, each in enumerate(many)] == list(range(50))
forker = greenlet(fork_in_a_greenlet)
child = forker.switch()
for number, each in enumerate(many[:40]):
    assert each.switch(number * 2) == number * 2
del many[:45]
assert forker.switch() == "end"
if child == 0:
    assert greenlet(lambda: 5).switch() == 5
    sys.exit(7)
forked.set()
thread.join()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
print("both went on")
"""


def test_fork_in_a_greenlet_beside_a_thread_with_greenlets(shortcuts, python):
    done = python("-X", "dev", "-W", "ignore::DeprecationWarning", "-c", FORK, SWITCHLIB_SHORTCUTS=str(int(shortcuts)))
    assert done.stdout.split("\n")[0] == "both went on"
    assert "Error" not in done.stderr


@pytest.mark.leaks("what lies on the evaluation stacks of frames that can never go on")
def test_threads_that_die_with_suspended_greenlets():
    ended = []

    def work():
        main = getcurrent()

        def run():
            try:
                main.switch()
            finally:
                ended.append("must not run")

        many = [greenlet(run) for _ in range(10)]
        for each in many:
            each.switch()
        kept.append(many)

    for _ in range(20):
        kept: list[Any] = []
        threads = [threading.Thread(target=work) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(each.dead for many in kept for each in many)
        kept.clear()
        gc.collect()
    assert ended == []


EXITS = """
import gc, os, sys, threading
from switchlib import GreenletExit, getcurrent, greenlet, settrace

main, steps, last = getcurrent(), 0, int(sys.argv[1])

def step():
    global steps
    steps += 1
    if steps == last:
        ways[last % len(ways)]()

def leave():
    raise SystemExit(7)

def leave_from_another_greenlet():
    greenlet(leave).switch()

ways = [leave, leave_from_another_greenlet, lambda: sys.exit(7)]

class Finalised:
    def __del__(self, step=step):
        try:
            step()
        except SystemExit:
            pass

def run(held):
    step()
    try:
        main.switch()
        step()
    finally:
        step()

def tracer(event, pair):
    step()

def work():
    top = getcurrent()
    each = greenlet(lambda: top.switch())
    each.switch()
    ready.set()
    threading.Event().wait(20)

ready = threading.Event()
threading.Thread(target=work, daemon=True).start()
ready.wait()
many = [greenlet(run) for _ in range(4)]
for each in many:
    each.switch(Finalised())
    step()
cycle = greenlet(run)
cycle.me = cycle
cycle.switch(None)
del cycle
gc.collect()
step()
many.pop().switch()
step()
settrace(tracer)
many.pop().throw()
step()
many.pop()
step()
settrace(None)
step()
print("done", steps)
"""


@pytest.mark.once
@pytest.mark.parametrize("mode", ["0", "1"])
def test_the_interpreter_may_end_at_any_step(python, mode):
    number = 0
    while True:
        number += 1
        done = python("-c", EXITS, str(number), check=False, SWITCHLIB_SHORTCUTS=mode)
        assert "Fatal" not in done.stderr, number
        if done.returncode == 0:  # nothing was left to leave, or it was in a destructor or a kill, which tell nobody
            _, steps = done.stdout.split()
            if int(steps) < number:
                break
        else:
            assert done.returncode == 7, (number, done.returncode, done.stderr)
    assert number > 20
