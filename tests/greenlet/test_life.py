"""The life of a greenlet: its states, its attributes, how it is made, how run is looked up."""

from __future__ import annotations

import copy
import pickle
import weakref

import pytest

from switchlib import GreenletExit, error, getcurrent, greenlet
from tests.conftest import PYPY, let_die


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


def test_repr_shows_the_state():
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
    ("args", "kwargs"),
    [((1, 2, 3), {}), ((), {"walk": 1}), ((1,), {"run": 2}), ((None, None), {"parent": None})],
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
