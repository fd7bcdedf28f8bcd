"""Who runs when, and what goes from one greenlet to another."""

from __future__ import annotations

import pytest

from switchlib import getcurrent, greenlet


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
