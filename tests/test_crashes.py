"""Programs that once crashed switchlib, or that crash greenlet: each in a process of its own, with debug allocators."""

from __future__ import annotations

import sys

import pytest

from tests.conftest import PYPY

pytestmark = pytest.mark.once

PRELUDE = """
import collections, gc, sys, threading
from switchlib import GreenletExit, error, getcurrent, greenlet
main = getcurrent()
"""

PROGRAMS = {
    # A new greenlet makes a dict for its keywords; the collector runs; a finaliser goes back to the starter, whose
    # array of arguments is gone by the time the new greenlet copies them.
    "arguments_outlive_the_call_that_passed_them": (
        """
class Finalised:
    def __del__(self):
        if getcurrent() is not main:
            main.switch('from finaliser')

def run(a, b, c, **keywords):
    return a, b, c

gc.disable()

def start(hold=[]):
    each = greenlet(run)
    cycle = Finalised()
    cycle.me = cycle
    del cycle
    hold.extend({} for _ in range(200))  # so that the next dict is allocated
    gc.set_threshold(1, 1000, 1000)
    gc.enable()
    got = each.switch([1], [2], [3])
    gc.disable()
    return got, each

got, each = start()
others = [max([n], [n + 1], [n + 2]) for n in range(10)]
print(each.switch() if got == 'from finaliser' else got)
""",
        "([1], [2], [3])",
    ),
    "killed_while_its_heirs_run_is_looked_up": (
        """
class Heir(greenlet):
    looked = False

    def __getattribute__(self, name):
        if name == 'run' and not self.looked:
            self.looked = True
            main.switch()
        return greenlet.__getattribute__(self, name)

dying = greenlet(lambda: 'result', Heir(lambda *args: args))
dying.switch()
kept, seen = [dying], []
del dying

def kill():
    kept.clear()
    seen.append('goes on')
    return 'done'

killer = greenlet(kill)
print(killer.switch(), *seen, killer.dead)
""",
        "done goes on True",
    ),
    # The collector's lists begin in its own frames; what dies in a greenlet killed from there unlinks itself from them.
    "killed_by_the_collector": (
        """
class Finalised:
    def __del__(self):
        pass

def run():
    getcurrent().object = Finalised()
    try:
        main.switch()
    except GreenletExit:
        print('killed')
    finally:
        del getcurrent().object

kept = []
each = greenlet(run)
each.kept = kept
kept.append(each)
each.switch()
del each, kept, run
gc.collect()
getcurrent()
gc.collect()
""",
        "killed",
    ),
    # The thread state's dict, whose end tells of the thread's, has gone when this destructor asks for greenlets, and
    # the next thread state may get the same address.
    "greenlets_made_while_their_thread_ends": (
        """
local, made = threading.local(), []

class Late:
    def __del__(self):
        each = greenlet(lambda: getcurrent().parent.switch())
        each.switch()
        made.append(each)

def leave():
    getcurrent()
    local.late = Late()

def look():
    for each in made:
        try:
            each.switch()
        except error:
            continue
        raise SystemExit('a greenlet of a dead thread ran')

for _ in range(30):
    for function in (leave, look):
        thread = threading.Thread(target=function)
        thread.start()
        thread.join()
print(len(made))
""",
        "30",
    ),
    "init_kills_a_parent_that_starts_the_greenlet": (
        """
def numbers():
    for number in range(200):
        if number == 100:
            main.switch()
        yield number

queue = collections.deque()
each = greenlet(queue.extend)
del queue

def parent():
    try:
        main.switch()
    finally:
        each.switch(numbers())

old = greenlet(parent)
old.switch()
each.parent = old
del old
each.__init__(lambda *args: 5, main)
junk = [bytearray(64) for _ in range(2000)]
each.switch()
print(each.dead)
""",
        "True",
    ),
    "a_trace_function_that_starts_greenlets": (
        """
events = []

def tracer(frame, event, argument):
    events.append(event)
    greenlet(lambda: 1).switch()
    return tracer

def traced():
    return 1

sys.settrace(tracer)
traced()
sys.settrace(None)
print(*events)
""",
        "call line return",
    ),
    "no_memory_for_the_state": (
        """
import _testcapi

class Deleted(greenlet):
    def __del__(self):
        self.dead

failed = 0
for k in range(12):
    try:
        _testcapi.set_nomemory(k, k + 1)
        try:
            Deleted()
        finally:
            _testcapi.remove_mem_hooks()
    except MemoryError:
        failed += 1
print('MemoryError' if failed else None)
""",
        "MemoryError",
    ),
    "keywords_named_self": (
        "print(greenlet(lambda **kwargs: kwargs).switch(self=2, args=3))",
        "{'self': 2, 'args': 3}",
    ),
    "an_instance_thrown_again_and_again": (
        """
import traceback
exception, lengths = ValueError(), []

def body():
    while True:
        try:
            main.switch()
        except ValueError as caught:
            lengths.append(len(traceback.extract_tb(caught.__traceback__)))

each = greenlet(body)
each.switch()
for _ in range(4):
    each.throw(exception)
print(lengths)
""",
        # As with greenlet: from CPython 3.14 on an exception keeps its traceback when it is raised without one.
        "[1, 1, 1, 1]" if sys.version_info < (3, 14) else "[1, 2, 3, 4]",
    ),
    "switching_while_the_interpreter_ends": (
        """
import builtins

class Last:
    def __init__(self):
        self.each = greenlet(lambda: main.switch() or 'result')
        self.each.switch()

    def __del__(self, print=print, greenlet=greenlet):
        print(repr(self.each)[:18], self.each.switch(), repr(greenlet(print).throw()))

builtins.kept = Last()
""",
        "<greenlet.greenlet result GreenletExit()",
    ),
    "del_called_by_hand": (
        """
def body():
    main.__del__()
    getcurrent().__del__()
    return 5

each = greenlet(body)
each.__del__()
print(each.switch())
""",
        "5",
    ),
    "the_first_greenlet_of_a_thread_is_made_by_a_finaliser": (
        """
class Cycle:
    def __del__(self):
        getcurrent()

found = []

def body():
    gc.disable()
    gc.set_threshold(1, 1, 1)
    cycle = Cycle()
    cycle.me = cycle
    del cycle
    gc.enable()
    found.append(getcurrent())
    found.append(getcurrent())

thread = threading.Thread(target=body)
thread.start()
thread.join()
print(found[0] is found[1])
""",
        "True",
    ),
    "the_frame_of_a_generator_left_in_a_dead_thread": (
        """
def numbers():
    getcurrent().parent.switch()
    yield

generator, kept = numbers(), []

def body():
    each = greenlet(lambda: next(generator))
    kept.append(each)
    each.switch()

thread = threading.Thread(target=body)
thread.start()
thread.join()
kept.clear()
gc.collect()
junk = [bytearray(600) for _ in range(100)]
print(generator.gi_frame.f_back)
""",
        "None",
    ),
    "slices_dropped_from_the_chain_while_the_interpreter_ends": (
        """
class Last:
    def __del__(self, greenlet=greenlet, main=main, range=range, bytearray=bytearray, print=print):
        first, second, third = [], [], []

        def drop():
            first.clear()
            third[0].parent = main
            junk = [bytearray(b'A' * n) for n in range(1000)]
            main.switch()

        def wait():
            main.switch()
            second[0].switch()

        first.append(greenlet(wait))
        first[0].switch()
        second.append(greenlet(drop, main))
        third.append(greenlet(lambda: 0, first[0]))
        third[0].switch()
        print('ended')

import builtins
builtins.kept = Last()
""",
        "ended",
    ),
    "a_killed_greenlet_becomes_its_parents_parent": (
        """
parent, kept = greenlet(lambda: 0), []

def body():
    try:
        main.switch()
    finally:
        parent.parent = getcurrent()
        kept.append(getcurrent())

each = greenlet(body, parent)
each.switch()
del each
greenlet(None).parent = parent
print(kept[0].parent is main)
""",
        "True",
    ),
    "a_stack_overflow_in_an_exceptions_constructor": (
        """
def recurse():
    return recurse()

class Deep(Exception):
    def __init__(self):
        greenlet(recurse).switch()

each = greenlet(lambda: main.switch())
each.switch()
try:
    each.throw(Deep)
except RecursionError:
    print('RecursionError')
""",
        "RecursionError",
    ),
}


NOT_ON_PYPY = {
    "arguments_outlive_the_call_that_passed_them": "its collector has no thresholds",
    "greenlets_made_while_their_thread_ends": "the locals of a thread die when they are collected",
    "no_memory_for_the_state": "it has no _testcapi",
    "switching_while_the_interpreter_ends": "it runs no destructors at its end",
    "slices_dropped_from_the_chain_while_the_interpreter_ends": "it runs no destructors at its end",
    "del_called_by_hand": "greenlets have no __del__",
    "the_first_greenlet_of_a_thread_is_made_by_a_finaliser": "its collector has no thresholds",
    "the_frame_of_a_generator_left_in_a_dead_thread": "it keeps frames for as long as they are referred to",
    "a_killed_greenlet_becomes_its_parents_parent": "nobody is killed before a collection",
    "killed_while_its_heirs_run_is_looked_up": "nobody is killed before a collection",
    "init_kills_a_parent_that_starts_the_greenlet": "nobody is killed before a collection",
}


@pytest.mark.parametrize("mode", ["0", "1"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_program(python, name, mode):
    program, expected = PROGRAMS[name]
    if PYPY and name in NOT_ON_PYPY:
        pytest.skip(f"not on PyPy: {NOT_ON_PYPY[name]}")
    done = python("-X", "faulthandler", "-c", PRELUDE + program, SWITCHLIB_SHORTCUTS=mode, PYTHONMALLOC="debug")
    assert done.stdout.strip() == expected
