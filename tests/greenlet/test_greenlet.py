"""switchlib/_greenlet.py: what greenlets mean."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import sys
import threading
import types
import weakref

import pytest

import switchlib
from switchlib import GreenletExit, error, getcurrent, greenlet
from tests.conftest import PYPY, let_die


def in_thread(function):
    """Calls it in a thread of its own and returns what it returned."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


# ------------------------------------------------------------------------------------------------- switching


def test_the_order_of_switches():
    seen = []

    def test1():
        seen.append(12)
        gr2.switch()
        seen.append(34)

    def test2():
        seen.append(56)
        gr1.switch()
        seen.append(78)

    gr1, gr2 = greenlet(test1), greenlet(test2)
    gr1.switch()
    assert seen == [12, 56, 34]
    gr2.switch()
    assert seen == [12, 56, 34, 78]
    assert gr1.dead
    assert gr2.dead


@pytest.mark.parametrize(
    ("args", "kwargs", "packed"),
    [
        ((), {}, ()),
        ((1,), {}, 1),
        ((None,), {}, None),
        (((),), {}, ()),
        ((1, 2), {}, (1, 2)),
        ((), {"a": 1}, {"a": 1}),
        ((1,), {"a": 1}, ((1,), {"a": 1})),
        ((1, 2), {"a": 1, "b": 2}, ((1, 2), {"a": 1, "b": 2})),
        (tuple(range(20)), {}, tuple(range(20))),
    ],
)
def test_what_comes_out_of_a_switch(args, kwargs, packed):
    main = getcurrent()
    into = greenlet(lambda: main.switch(main.switch()))
    into.switch()
    assert into.switch(*args, **kwargs) == packed
    assert main.switch(*args, **kwargs) == packed, "a switch to oneself"
    into.switch()
    assert into.dead
    assert into.switch(*args, **kwargs) == packed, "a switch to a dead greenlet goes to its parent"


def test_run_gets_the_arguments_of_the_first_switch():
    def run(*args, **kwargs):
        return args, kwargs

    assert greenlet(run).switch() == ((), {})
    assert greenlet(run).switch(1, 2, a=3) == ((1, 2), {"a": 3})
    assert greenlet(run).switch(*range(20)) == (tuple(range(20)), {})
    assert greenlet(divmod).switch(7, 2) == (3, 1)


def test_wrong_arguments_for_run_raise_in_the_parent():
    with pytest.raises(TypeError, match="positional argument"):
        greenlet(lambda: None).switch(1)
    with pytest.raises(TypeError, match="not callable"):
        greenlet(5).switch()


def test_values_go_both_ways():
    def run(x):
        while True:
            x = main.switch(x * 2)

    main = getcurrent()
    doubler = greenlet(run)
    assert [doubler.switch(n) for n in range(50)] == [2 * n for n in range(50)]


def test_a_ring_of_greenlets():
    seen = []

    def run(number):
        for _ in range(3):
            seen.append(number)
            ring[(number + 1) % len(ring)].switch((number + 1) % len(ring))

    ring = [greenlet(run) for _ in range(20)]
    ring[0].switch(0)
    assert seen == list(range(20)) * 3
    ring.clear()


def test_a_generator_may_be_resumed_in_other_greenlets():
    main = getcurrent()

    def numbers():
        for number in range(4):
            main.switch(("inside", number))
            yield number

    generator = numbers()
    one, two = (greenlet(lambda: next(generator)) for _ in range(2))
    assert one.switch() == ("inside", 0)
    with pytest.raises(ValueError, match="already executing"):
        two.switch()
    assert one.switch() == 0
    three = greenlet(lambda: next(generator))
    assert three.switch() == ("inside", 1)
    assert three.switch() == 1
    generator.close()


def test_switching_inside_c_calls():
    main = getcurrent()

    def key(number):
        main.switch(number)
        return -number

    sorter = greenlet(lambda: sorted([1, 2, 3], key=key))
    assert [sorter.switch() for _ in range(3)] == [1, 2, 3]
    assert sorter.switch() == [3, 2, 1]


def test_ten_thousand_greenlets_at_once():
    main = getcurrent()

    def run(number):
        main.switch()
        return number

    many = [greenlet(run) for _ in range(10_000)]
    for number, each in enumerate(many):
        each.switch(number)
    assert [each.switch() for each in reversed(many)] == list(reversed(range(10_000)))


# --------------------------------------------------------------------------------------------- the life of one


def test_states():
    each = greenlet(lambda: getcurrent().parent.switch())
    assert (bool(each), each.dead, each.gr_frame) == (False, False, None)
    each.switch()
    assert (bool(each), each.dead) == (True, False)
    assert each.gr_frame is not None
    each.switch()
    assert (bool(each), each.dead, each.gr_frame) == (False, True, None)
    main = getcurrent()
    assert (bool(main), main.dead, main.gr_frame) == (True, False, None)


def test_bytes_saved():
    each = greenlet(lambda: getcurrent().parent.switch())
    if PYPY:
        with pytest.raises(AttributeError, match="not visible on PyPy"):
            each._stack_saved  # noqa: B018
        return
    assert each._stack_saved == 0
    each.switch()
    assert each._stack_saved > 0
    each.switch()
    assert each._stack_saved == 0


def test_repr_tells_the_state():
    each = greenlet(lambda: getcurrent().parent.switch(repr(getcurrent())))
    assert repr(each).startswith("<greenlet.greenlet object at 0x")
    assert repr(each).endswith(" pending>")
    assert each.switch().endswith(" current active started>")
    assert repr(each).endswith(" suspended active started>")
    each.switch()
    assert repr(each).endswith(" dead>")
    assert repr(getcurrent()).endswith(" current active started main>")

    class Mine(greenlet):
        pass

    assert repr(Mine()).startswith("<Mine object at 0x")


def test_run():
    def run():
        return 42

    assert greenlet(run).run is run
    assert greenlet(None).run is None
    each = greenlet()
    with pytest.raises(AttributeError, match="run"):
        each.run  # noqa: B018
    with pytest.raises(AttributeError, match="run"):
        each.switch()
    assert not each.dead
    each.run = run
    assert each.switch() == 42
    with pytest.raises(AttributeError, match="run cannot be set after the start of the greenlet"):
        each.run = run
    with pytest.raises(AttributeError, match="run"):
        each.run  # noqa: B018
    with pytest.raises(AttributeError, match="Main greenlets do not have a run attribute"):
        getcurrent().run = run
    with pytest.raises(AttributeError, match="Main greenlets do not have a run attribute"):
        getcurrent().run  # noqa: B018
    other = greenlet(run)
    del other.run
    assert not hasattr(other, "run")


def test_a_subclass_may_override_run_and_its_lookup():
    class Method(greenlet):
        def run(self, value):
            return self, value

    each = Method()
    assert each.switch(3) == (each, 3)

    class Looked(greenlet):
        def __getattribute__(self, name):
            if name == "run":
                return lambda: main.switch(name)
            return super().__getattribute__(name)

    main = getcurrent()
    assert Looked().switch() == "run"


def test_run_may_switch_while_it_is_looked_up():
    main = getcurrent()

    class Late(greenlet):
        @property
        def run(self):
            main.switch("looked up")
            return lambda: "ran"

    late = Late()
    outer = greenlet(lambda: late.switch())
    assert outer.switch() == "looked up"
    assert not late
    assert outer.switch() == "ran"


def test_a_greenlet_started_while_its_run_was_looked_up_is_switched_to():
    main = getcurrent()

    class Twice(greenlet):
        looked = 0

        @property
        def run(self):
            Twice.looked += 1
            if Twice.looked == 1:
                assert self.switch("inner") == "inner started"
            return lambda value: main.switch(main.switch(value + " started"))

    twice = Twice()
    # The outer switch finds it suspended by now, and its argument comes out of its switch.
    assert twice.switch("outer") == "outer"
    twice.switch()
    assert twice.dead


def test_attributes_weak_references_and_slots():
    class Slotted(greenlet):
        __slots__ = ("colour",)

    each = Slotted(lambda: None)
    each.colour, each.name = "red", "n"
    assert each.__dict__ == {"name": "n"}
    gone = []
    reference = weakref.ref(each, gone.append)
    del each
    let_die()
    assert reference() is None
    assert gone == [reference]


@pytest.mark.cpython("its instances have dicts of its own kind")
def test_the_dict_stays_one():
    each = greenlet()
    with pytest.raises(TypeError, match="__dict__ may not be deleted"):
        del each.__dict__
    with pytest.raises(TypeError, match="__dict__ must be a dictionary"):
        each.__dict__ = 1


def test_new_without_init_and_init_twice():
    each = greenlet.__new__(greenlet)
    assert each.parent is getcurrent()
    greenlet.__init__(each, lambda: 1)
    greenlet.__init__(each, lambda: 2)
    assert each.switch() == 2
    with pytest.raises(AttributeError, match="after the start"):
        greenlet.__init__(each, lambda: 3)


@pytest.mark.parametrize(
    ("args", "kwargs"), [((1, 2, 3), {}), ((), {"walk": 1}), ((1,), {"run": 2}), ((None, None), {"parent": None})]
)
def test_wrong_arguments_for_the_type(args, kwargs):
    with pytest.raises(TypeError):
        greenlet(*args, **kwargs)


def test_copies_and_pickles_are_refused():
    for each in (greenlet(), getcurrent()):
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=r"cannot serialize 'greenlet\.greenlet' object"):
                attempt(each)
    assert pickle.loads(pickle.dumps(error("x"))).args == ("x",)
    assert pickle.loads(pickle.dumps(GreenletExit)) is GreenletExit


# ------------------------------------------------------------------------------------------------------ parents


def test_the_parent_goes_on_at_the_end():
    outer = greenlet(lambda: ("outer", getcurrent().parent.switch("from outer")))
    assert outer.switch() == "from outer"
    inner = greenlet(lambda: "inner's result", outer)
    assert inner.parent is outer
    assert inner.switch() == ("outer", "inner's result")
    assert outer.dead


def test_ending_into_an_unstarted_parent_starts_it():
    parent = greenlet(lambda value: ("parent", value))
    assert greenlet(lambda: "child", parent).switch() == ("parent", "child")


def test_ending_into_an_unstarted_parent_without_run():
    parent = greenlet()
    with pytest.raises(AttributeError, match="run"):
        greenlet(lambda: "child", parent).switch()
    assert not parent.dead


def test_ending_past_dead_parents():
    chain = [greenlet(lambda: None)]
    for _ in range(5):
        chain.append(greenlet(lambda: None, chain[-1]))
    child = greenlet(lambda: "child", chain[-1])
    for each in chain:
        each.switch()
    assert child.switch() == "child"


def test_parent_errors_change_nothing():
    main = getcurrent()
    first, second = greenlet(), greenlet()
    second.parent = first
    for wrong in (first, second):
        with pytest.raises(ValueError, match="cyclic parent chain"):
            first.parent = wrong
    for wrong in (None, 5):
        with pytest.raises(TypeError, match="GreenletChecker: Expected any type of greenlet, not"):
            first.parent = wrong
    with pytest.raises(AttributeError, match="can't delete attribute"):
        del first.parent
    with pytest.raises(AttributeError, match="cannot set the parent of a main greenlet"):
        main.parent = first
    with pytest.raises(TypeError, match="GreenletChecker"):
        greenlet(None, 5)
    assert (first.parent, second.parent, main.parent) == (main, first, None)


def test_the_parent_of_a_started_greenlet_stays_in_its_thread():
    each = greenlet(lambda: getcurrent().parent.switch())
    each.switch()

    def other():
        foreign = greenlet()
        with pytest.raises(ValueError, match="parent cannot be on a different thread"):
            each.parent = foreign
        foreign.parent = each  # one that has not begun may go anywhere
        with pytest.raises(error, match="Cannot switch to a different thread"):
            foreign.switch()
        return True

    assert in_thread(other)
    assert each.parent is getcurrent()


def test_parents_may_change_while_running():
    main = getcurrent()
    other = greenlet(lambda: ("other", main.switch()))
    other.switch()

    def run():
        getcurrent().parent = other
        return "result"

    assert greenlet(run).switch() == ("other", "result")


# ------------------------------------------------------------------------------------------------------- throw


class Mine(Exception):
    pass


def waiting(seen):
    """A suspended greenlet that appends to `seen` what is raised in it, and returns it."""

    def run():
        try:
            getcurrent().parent.switch()
        except BaseException as exception:
            seen.append(exception)
            return exception

    each = greenlet(run)
    each.switch()
    return each


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (lambda: (), GreenletExit()),
        (lambda: (Mine,), Mine()),
        (lambda: (Mine, "a"), Mine("a")),
        (lambda: (Mine, ("a", "b")), Mine("a", "b")),
        (lambda: (Mine, Mine("c")), Mine("c")),
        (lambda: (Mine("d"),), Mine("d")),
        (lambda: (Mine("e"), None), Mine("e")),
        (lambda: (KeyboardInterrupt,), KeyboardInterrupt()),
    ],
)
def test_throw_into_a_suspended_greenlet(args, expected):
    seen = []
    result = waiting(seen).throw(*args())  # made anew: from 3.14 on an instance that is kept keeps all its tracebacks
    assert seen == [result]
    assert (type(result), result.args) == (type(expected), expected.args)


def test_throw_keeps_the_traceback_it_is_given():
    try:
        raise Mine
    except Mine as exception:
        traceback = exception.__traceback__
    result = waiting([]).throw(Mine, None, traceback)
    assert type(result) is Mine
    assert result.__traceback__.tb_frame.f_code.co_name == "run", "where it was raised"
    assert result.__traceback__.tb_next is traceback
    assert traceback.tb_next is None
    given = Mine()
    assert waiting([]).throw(given, None, traceback) is given
    assert given.__traceback__.tb_next is traceback


def test_throw_into_an_unstarted_greenlet():
    def run():
        raise AssertionError("must not run")

    each = greenlet(run)
    with pytest.raises(Mine):
        each.throw(Mine)
    assert each.dead
    killed = greenlet(run)
    assert isinstance(killed.throw(), GreenletExit)
    assert killed.dead
    with pytest.raises(AttributeError, match="run"):
        greenlet().throw(Mine)


def test_throw_into_a_dead_greenlet():
    each = greenlet(lambda: None)
    each.switch()
    with pytest.raises(Mine):
        each.throw(Mine)
    assert isinstance(each.throw(), GreenletExit)
    exit = GreenletExit("value")
    assert each.throw(exit) is exit


def test_throw_into_oneself():
    with pytest.raises(Mine):
        getcurrent().throw(Mine)
    with pytest.raises(GreenletExit):
        getcurrent().throw()


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((5,), "exceptions must be classes, or instances, not int"),
        (("Mine",), "exceptions must be classes, or instances, not str"),
        ((object,), "exceptions must be classes, or instances, not type"),
        ((Mine(), 5), "instance exception may not have a separate value"),
        ((Mine, None, "tb"), r"throw\(\) third argument must be a traceback object"),
        ((Mine, None, None, None), "at most 3 arguments|takes from 1 to 4 positional arguments"),
    ],
)
def test_throw_with_wrong_types_changes_nothing(args, text):
    seen = []
    each = waiting(seen)
    with pytest.raises(TypeError, match=text):
        each.throw(*args)
    assert each
    assert not seen


def test_a_class_that_cannot_be_called_throws_that():
    class Picky(Exception):
        def __init__(self):
            raise LookupError

    seen = []
    waiting(seen).throw(Picky)
    assert [type(exception) for exception in seen] == [LookupError]


def test_exceptions_go_on_to_the_parent():
    def run():
        raise Mine("from below")

    outer_saw = []

    def outer():
        try:
            greenlet(run).switch()
        except Mine as exception:
            outer_saw.append(exception)
            raise

    with pytest.raises(Mine, match="from below") as caught:
        greenlet(outer).switch()
    assert outer_saw == [caught.value]
    names = [entry.name for entry in caught.traceback]
    assert names[-2:] == ["outer", "run"]
    assert {str(entry.path) for entry in caught.traceback} == {__file__}


def test_greenlet_exit_is_a_result():
    def run():
        raise GreenletExit("bye")

    result = greenlet(run).switch()
    assert isinstance(result, GreenletExit)
    assert result.args == ("bye",)


# ------------------------------------------------------------------------------------------- the last reference


def test_losing_the_last_reference_kills():
    seen = []

    def run():
        try:
            getcurrent().parent.switch()
        except GreenletExit as exit:
            seen.append(str(exit))
            raise
        finally:
            seen.append("finally")

    each = greenlet(run)
    each.switch()
    del each
    let_die()
    assert seen == ["Killing the greenlet because all references have vanished.", "finally"]


def test_what_a_killed_greenlet_raises_is_unraisable(monkeypatch):
    hooked = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: hooked.append(event.exc_type))

    def run():
        try:
            getcurrent().parent.switch()
        except GreenletExit:
            raise Mine from None

    each = greenlet(run)
    each.switch()
    del each
    let_die()
    assert hooked == [Mine]


def test_a_killed_greenlet_may_live_on():
    kept = []

    def run():
        try:
            getcurrent().parent.switch()
        except GreenletExit:
            kept.append(getcurrent())
            return getcurrent().parent.switch("alive"), "returned"

    each = greenlet(run)
    each.switch()
    parent = each.parent
    del each
    let_die()
    (each,) = kept
    assert each
    assert each.parent is parent
    assert each.switch("x") == ("x", "returned")
    kept.clear()


def test_a_greenlet_may_lose_its_last_reference_as_it_switches():
    seen = []

    def run():
        try:
            main.switch("value")
        finally:
            seen.append("finally")

    main = getcurrent()
    assert greenlet(run).switch() == "value"
    let_die()
    assert seen == ["finally"]


def test_the_exception_in_flight_survives_a_kill():
    def run():
        try:
            getcurrent().parent.switch()
        except GreenletExit:
            try:
                raise Mine
            except Mine:
                pass

    def hold():
        each = greenlet(run)
        each.switch()
        raise LookupError("in flight")

    with pytest.raises(LookupError, match="in flight"):
        hold()


def test_a_cycle_through_attributes_is_collected():
    seen = []

    def run():
        try:
            getcurrent().parent.switch()
        finally:
            seen.append("finally")

    each = greenlet(run)
    each.me = each
    each.switch()
    del each
    gc.collect()
    getcurrent()  # the collector must not be left for another stack, so it dies when greenlets are next used
    assert seen == ["finally"]


def test_subclass_with_del():
    seen = []

    class Deleted(greenlet):
        def __del__(self):
            seen.append("del")

    def run():
        try:
            getcurrent().parent.switch()
        finally:
            seen.append("finally")

    each = Deleted(run)
    each.switch()
    del each
    let_die()
    assert sorted(seen) == ["del", "finally"]


def test_a_long_chain_of_parents_is_freed():
    chain = [greenlet() for _ in range(100_000)]
    for child, parent in zip(chain, chain[1:]):
        child.parent = parent
    del child, parent
    first = chain[0]
    chain.clear()
    del first


def test_a_chain_of_suspended_greenlets_dies_from_its_head():
    seen = []
    main = getcurrent()

    def run(number, held):
        try:
            main.switch()
        finally:
            seen.append(number)

    head = None
    length = 20 if PYPY else 1000
    for number in range(length):
        below, head = head, greenlet(run)
        head.switch(number, below)
    below = None
    del head
    for _ in range(length):
        let_die()  # PyPy finds each when the one that held it is dead
    assert sorted(seen) == list(range(length))
    assert seen[0] == length - 1


# ----------------------------------------------------------------------------------------------------- threads


def test_each_thread_has_its_own_main_greenlet():
    main = getcurrent()

    def other():
        return getcurrent() is not main, getcurrent().parent, getcurrent() is getcurrent()

    assert in_thread(other) == (True, None, True)


def test_switching_to_another_thread_is_an_error():
    each = greenlet(lambda: getcurrent().parent.switch())
    unstarted = greenlet(lambda: 1)
    each.switch()

    def other():
        for target in (each, unstarted, each.parent):
            with pytest.raises(error, match=r"Cannot switch to a different thread\n\tCurrent:  <.*\n\tExpected: <.*"):
                target.switch()
            with pytest.raises(error, match="Cannot switch to a different thread"):
                target.throw(Mine)
        return True

    assert in_thread(other)
    assert each.switch("still here") == "still here"
    assert unstarted.switch() == 1


@pytest.mark.leaks("what lies on the evaluation stack of a frame that can never go on, here the main greenlet")
def test_a_thread_that_ended():
    def other():
        each = greenlet(lambda: main.switch())
        main = getcurrent()
        each.switch()
        return each, greenlet(lambda: None)

    each, unstarted = in_thread(other)
    gc.collect()
    assert each.dead
    assert not each
    assert PYPY or each.gr_frame.f_code.co_name == "<lambda>", "where it stood can still be looked at"
    assert repr(each).endswith("(thread exited) dead>")
    for target in (each, unstarted):
        with pytest.raises(error, match=r"cannot switch to a different thread \(which happens to have exited\)"):
            target.switch()


def test_a_greenlet_dropped_in_another_thread_dies_in_its_own():
    seen = []
    box = []

    def run():
        try:
            main.switch()
        finally:
            seen.append(threading.get_ident())

    main = getcurrent()
    box.append(greenlet(run))
    box[0].switch()
    in_thread(box.clear)
    in_thread(let_die)
    assert seen in ([], [threading.get_ident()])
    getcurrent()
    assert seen == [threading.get_ident()]


@pytest.mark.cpython("nothing of a thread runs when it ends")
def test_greenlets_dropped_elsewhere_die_when_their_thread_ends():
    seen = []
    box = []
    dropped = threading.Event()
    ready = threading.Event()

    def run():
        try:
            getcurrent().parent.switch()
        finally:
            seen.append(threading.get_ident())

    def other():
        box.append(greenlet(run))
        box[0].switch()
        ready.set()
        dropped.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    ready.wait(10)
    identity = thread.ident
    box.clear()
    dropped.set()
    thread.join()
    assert seen == [identity]


def test_ten_threads_of_greenlets():
    def other():
        main = getcurrent()

        def run():
            while True:
                main.switch()

        each = [greenlet(run) for _ in range(20)]
        for _ in range(200):
            for one in each:
                one.switch()
        return len(each)

    results = []
    threads = [threading.Thread(target=lambda: results.append(other())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [20] * 10


# ----------------------------------------------------------------------------------------------------- tracing


def test_the_tracer_sees_each_switch():
    events = []
    main = getcurrent()
    each = greenlet(lambda: main.switch())
    assert switchlib.settrace(lambda event, pair: events.append((event, *pair))) is None
    try:
        each.switch()
        with pytest.raises(Mine):
            each.throw(Mine)
        main.switch()
    finally:
        assert switchlib.settrace(None) is not None
    assert events == [
        ("switch", main, each),
        ("switch", each, main),
        ("throw", main, each),
        ("throw", each, main),
        ("switch", main, main),
    ]


def test_a_tracer_that_raises_is_removed():
    def tracer(event, pair):
        raise Mine

    switchlib.settrace(tracer)
    each = greenlet(lambda: 1)
    with pytest.raises(Mine):
        each.switch()
    assert switchlib.gettrace() is None
    assert each.dead


def test_the_type_has_what_the_module_has():
    for name in ("GreenletExit", "error", "getcurrent", "gettrace", "settrace"):
        assert getattr(greenlet, name) is getattr(switchlib, name)


class Called:
    """Whatever way it is called, it returns what it was called with."""

    def __call__(self, *args, **kwargs):
        return self, args, kwargs

    def method(self, first, second=2, *others, **kwargs):
        return self, first, second, others, kwargs

    def fixed(self, first, second):
        return self, first, second

    @classmethod
    def of_class(cls, *args):
        return cls, args

    @staticmethod
    def of_no_class(*args):
        return args


CALLED = Called()


@pytest.mark.parametrize(
    "run",
    [
        CALLED,
        CALLED.method,
        CALLED.fixed,
        Called.of_class,
        CALLED.of_no_class,
        Called.method,
        Called.__call__,
        types.MethodType(CALLED, 0),
        types.MethodType(CALLED.fixed, 1),
        types.MethodType(max, 3),
        functools.partial(CALLED.method, 0),
        functools.partial(CALLED),
        functools.partial(functools.partial(max, 1), 2),
        max,
        Called,
        dict,
        [].append,
    ],
    ids=repr,
)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize("keywords", [{}, {"second": "k"}, {"other": "k"}], ids=["", "second", "other"])
def test_whatever_run_is_it_is_called_as_by_hand(run, count, keywords):
    def outcome(call):
        try:
            return call(*range(count), **keywords)
        except TypeError as raised:
            return str(raised)

    expected, got = outcome(run), outcome(greenlet(run).switch)
    assert type(got) is type(expected)
    assert got == expected or type(got) is Called

    class Looked(greenlet):
        looked = 0

        @property
        def run(self):
            type(self).looked += 1
            return run

    got = outcome(Looked().switch)
    assert got == expected or type(got) is Called
    assert Looked.looked == 1


def test_run_is_looked_up_once_though_tracing_begins_meanwhile():
    class Looked(greenlet):
        looked = 0

        @property
        def run(self):
            type(self).looked += 1
            switchlib.settrace(lambda *event: None)
            return lambda *args, **kwargs: (args, kwargs)

    try:
        assert Looked().switch(1) == ((1,), {})
        assert Looked().switch(1, a=2) == ((1,), {"a": 2})
    finally:
        switchlib.settrace(None)
    assert Looked.looked == 2


def test_a_run_that_is_looked_up_takes_the_place_of_the_one_that_was_given():
    """It is released when the greenlet has begun, by which time it may start and end others."""

    class Stale:
        def __del__(self):
            greenlet(events.append).switch("released")

    class Subclass(greenlet):
        def __getattribute__(self, name):
            return looked_up if name == "run" else super().__getattribute__(name)

    class Worker:
        def __init__(self, value):
            self.value = value

        def __call__(self, *args):
            events.append(args)
            return self.value

    events = []
    runs = [Worker(1), Worker(2).__call__, lambda *args: events.append(args) or 3]
    while runs:
        looked_up = runs.pop()
        given = functools.partial(id, Stale())
        each = Subclass(given)
        del given
        assert each.switch("a", "b") in (1, 2, 3)
        let_die()
        assert sorted(events, key=str) == [("a", "b"), "released"]
        events.clear()


def test_a_method_is_called_though_its_class_changes_meanwhile():
    main = getcurrent()

    class Worker:
        def __call__(self):
            return main.switch("first"), "first"

    each = greenlet(Worker())
    assert each.switch() == "first"
    Worker.__call__ = lambda self: "second"
    gc.collect()
    assert each.switch("back") == ("back", "first")
    assert greenlet(Worker()).switch() == "second"
    del Worker.__call__
    with pytest.raises(TypeError, match="not callable"):
        greenlet(Worker()).switch()
