"""Operations on greenlets, and hostile actions that may come in the midst of them."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import switchlib
from switchlib import GreenletExit, getcurrent, greenlet
from switchlib._switch import lib


class Thrown(Exception):
    pass


class Hostile(Exception):
    pass


class World:
    """A few greenlets in each state, and what happens to them. It is made anew for each run."""

    def __init__(self) -> None:
        self.main = getcurrent()
        self.events: list[str] = []
        self.actions: dict[str, Callable[[World], object]] = {}
        """What the next one does that arrives, that is about to reply, or that is finalised."""
        self.greenlets: dict[str, Any] = {}
        self.references: dict[str, Callable[[], Any]] = {}
        self.make("waiting")
        self.make("other")
        for name in ("waiting", "other"):
            self.greenlets[name].switch()
        self.make("fresh")
        self.make("dead").throw(GreenletExit)
        self.events.clear()

    def make(self, name: str) -> greenlet:
        return self.have(name, greenlet(lambda *args, **kwargs: self.live(name, args, kwargs)))

    def make_a_subclass(self, name: str) -> greenlet:
        """Its `run` is the class's, which is there as long as it is.

        (Its frames do not hold it.)
        """
        run = staticmethod(lambda *args, **kwargs: self.live(name, args, kwargs))
        return self.have(name, type("Subclass", (greenlet,), {"run": run})())

    def have(self, name: str, new: greenlet) -> greenlet:
        self.greenlets[name], self.references[name] = new, weakref.ref(new)
        return new

    def __getattr__(self, name: str) -> Any:
        """A greenlet by its name, also if nothing refers to it any more;
        once it is gone a dead one.
        """
        found = self.references[name]()
        return self.greenlets["dead"] if found is None else found

    def act(self, when: str) -> None:
        action = self.actions.pop(when, None)
        if action is not None:
            action(self)

    def live(self, name: str, *got: Any) -> str:
        """What each greenlet does: reports what comes, and hands its name to its parent,
        until it is to end.
        """
        while True:
            self.act("on arrival")
            self.events.append(f"{name} got {got!r}")
            if got == ("end",):
                return f"{name} ends"
            try:
                self.act("before the reply")
                got = (getcurrent().parent.switch(name),)
            except Thrown as thrown:
                got = ("thrown", *thrown.args)

    def keep_from_dying(self) -> None:
        with contextlib.suppress(GreenletExit):
            getcurrent().parent.switch()

    def state(self) -> list[str]:
        """Each greenlet, and which one resumes when it ends;
        one without a name runs for the main greenlet.
        """
        return [
            (
                f"{name} is dead"
                if each.dead
                else f"{name} {'lives' if each else 'is unstarted'} below {self.heir(each)}"
            )
            + (", marked" if hasattr(each, "mark") else "")
            for name, each in self.greenlets.items()
            if each is not None
        ]

    def heir(self, each: greenlet) -> str:
        names = {id(each): name for name, each in self.greenlets.items()}
        above = each.parent
        while above.dead:
            above = above.parent
        return names.get(id(above), "main")

    def end_all(self) -> None:
        """Ends what is left, however it clings to life."""
        switchlib.settrace(None)
        unwatch()
        for name in list(self.greenlets):
            each = self.greenlets[name]
            for _ in range(10):
                if each:
                    with contextlib.suppress(
                        BaseException
                    ):  # it may be of a thread whose end has not been noticed yet
                        each.parent = getcurrent()
                        each.throw()
            self.greenlets[name] = None


# --------------------------------------------------------------------------------------- operations
# Each gets its case ready and returns what is then done with an action in its midst.

Act = Callable[[], Any]


def switch(w: World) -> Act:
    return lambda: w.waiting.switch(1)


def switch_with_keywords(w: World) -> Act:
    return lambda: w.waiting.switch(1, 2, a=3)


def switch_to_the_dead(w: World) -> Act:
    return lambda: w.dead.switch(1)


def switch_to_oneself(w: World) -> Act:
    return lambda: getcurrent().switch(1)


def traced(event: str, pair: Any) -> None:
    pass


def switch_while_traced(w: World) -> Act:
    switchlib.settrace(traced)
    return lambda: w.waiting.switch(1)


def switch_with_a_failing_tracer(w: World) -> Act:
    def fail(event: str, pair: Any) -> None:
        raise Thrown(0)

    switchlib.settrace(fail)
    return lambda: w.waiting.switch(1)


def watched(event: switchlib.GreenletEvent) -> None:
    pass


def unwatch() -> None:
    with contextlib.suppress(ValueError):  # it is not there
        switchlib.remove_watcher(watched)


def while_watched(operation: Callable[[World], Act]) -> Callable[[World], Act]:
    def prepare(w: World) -> Act:
        act = operation(w)
        switchlib.add_watcher(watched)
        return act

    return prepare


def switch_while_watched(w: World) -> Act:
    return while_watched(switch)(w)


def throw_while_watched(w: World) -> Act:
    return while_watched(throw_with_a_traceback)(w)


def start_while_watched(w: World) -> Act:
    return while_watched(start_with_keywords)(w)


def make_while_watched(w: World) -> Act:
    return while_watched(make)(w)


def make_a_subclass_while_watched(w: World) -> Act:
    return while_watched(lambda w: lambda: w.make_a_subclass("fresh") is w.fresh)(w)


def end_while_watched(w: World) -> Act:
    return while_watched(end_by_an_exception)(w)


def kill_while_watched(w: World) -> Act:
    return while_watched(kill)(w)


def switch_with_a_failing_watcher(w: World) -> Act:
    """It is removed and reported."""

    def fail(event: switchlib.GreenletEvent) -> None:
        raise Thrown(0)

    def act() -> object:
        before, sys.unraisablehook = sys.unraisablehook, lambda report: None
        try:
            return w.waiting.switch(1)
        finally:
            sys.unraisablehook = before

    switchlib.add_watcher(fail)
    return act


def throw_a_class(w: World) -> Act:
    return lambda: w.waiting.throw(Thrown, 1)


def borne(depth: int = 2) -> list[Thrown]:
    """An instance without another reference, with a traceback
    that holds a greenlet of its own.
    """
    try:
        if depth:
            return borne(depth - 1)
        held = greenlet(lambda: getcurrent().parent.switch())
        held.switch()
        raise Thrown(1)
    except Thrown as thrown:
        return [thrown]


def throw_an_instance(w: World) -> Act:
    exception = borne()
    return lambda: w.waiting.throw(exception.pop())


def throw_with_a_traceback(w: World) -> Act:
    exception, traceback = borne(), borne()[0].__traceback__
    return lambda: w.waiting.throw(exception.pop(), None, traceback)


def throw_while_traced(w: World) -> Act:
    switchlib.settrace(traced)
    return throw_with_a_traceback(w)


def throw_into_the_unstarted(w: World) -> Act:
    exception = borne()
    return lambda: w.fresh.throw(exception.pop())


def throw_into_the_dead(w: World) -> Act:
    exception = borne()
    return lambda: w.dead.throw(exception.pop())


def throw_exit_into_the_dead(w: World) -> Act:
    return lambda: repr(w.dead.throw())


def throw_into_oneself(w: World) -> Act:
    exception = borne()
    return lambda: getcurrent().throw(exception.pop())


def start(w: World) -> Act:
    return lambda: w.fresh.switch(1)


def start_with_keywords(w: World) -> Act:
    return lambda: w.fresh.switch(1, a=2)


def start_a_subclass(w: World) -> Act:
    w.make_a_subclass("fresh")
    return lambda: w.fresh.switch(1)


def start_in_c(w: World) -> Act:
    each = [greenlet("{}".format)]
    return lambda: each.pop().switch(1)


def start_in_c_without_a_frame(w: World) -> Act:
    each = [greenlet(globals)]
    return lambda: type(each.pop().switch()).__name__


def ending(run: Callable[[], Any], parent: greenlet | None = None) -> Act:
    each = [greenlet(run, parent)]
    return lambda: each.pop().switch()


def end(w: World) -> Act:
    return ending(lambda: "result")


def end_by_an_exception(w: World) -> Act:
    exception = borne()

    def run() -> None:
        raise exception.pop()

    return ending(run)


def end_by_exit(w: World) -> Act:
    def run() -> None:
        raise GreenletExit(1)

    act = ending(run)
    return lambda: repr(act())


def end_into_the_dead(w: World) -> Act:
    return ending(lambda: "result", w.dead)


def end_into_the_unstarted(w: World) -> Act:
    return ending(lambda: "result", w.fresh)


def end_into_the_unstarted_by_an_exception(w: World) -> Act:
    exception = borne()

    def run() -> None:
        raise exception.pop()

    return ending(run, w.fresh)


def end_in_a_row(w: World) -> Act:
    """Only the first refers to those between it and the last."""
    second = greenlet(lambda *args: "second", greenlet(lambda *args: "third", w.fresh))
    first = greenlet(lambda: "first", second)
    return first.switch


def end_into_one_without_a_run(w: World) -> Act:
    return ending(lambda: "result", greenlet())


def drop(w: World, name: str) -> None:
    w.greenlets[name] = None


def kill(w: World) -> Act:
    return lambda: drop(w, "waiting")


def kill_while_an_exception_is_handled(w: World) -> Act:
    def act() -> None:
        try:
            raise KeyError
        except KeyError:
            drop(w, "waiting")

    return act


def kill_in_a_cycle(w: World) -> Act:
    w.waiting.cycle = w.waiting
    drop(w, "waiting")
    gc.collect()
    return lambda: getcurrent().dead


class Finalised:
    """Garbage with a greenlet in it."""

    def __init__(self, w: World) -> None:
        self.cycle, self.w, self.held = self, w, w.waiting
        self.held.cycle = self
        drop(w, "waiting")

    def __del__(self) -> None:
        self.w.references["waiting"] = weakref.ref(
            self.held
        )  # the collector has cleared the one that was there
        self.w.act("in a finaliser")


def kill_in_a_cycle_elsewhere(w: World) -> Act:
    """The killer is no main greenlet, and a finaliser in the cycle does something hostile, too."""
    Finalised(w)

    def act() -> bool:
        gc.collect()
        return getcurrent().dead

    return ending(act)


def drop_the_unstarted(w: World) -> Act:
    return lambda: drop(w, "fresh")


def make(w: World) -> Act:
    parent = w.waiting
    return lambda: greenlet(run=len, parent=parent).parent is parent


def make_plainly(w: World) -> Act:
    return lambda: greenlet(len).run is len


def initialise_again(w: World) -> Act:
    fresh = w.fresh
    return lambda: fresh.__init__(traced)


def set_parent(w: World) -> Act:
    fresh, parent = w.fresh, w.waiting
    return lambda: setattr(fresh, "parent", parent)


def set_parent_in_a_circle(w: World) -> Act:
    fresh, child = w.fresh, w.waiting
    child.parent = fresh
    return lambda: setattr(fresh, "parent", child)


def set_run(w: World) -> Act:
    fresh = w.fresh
    return lambda: setattr(fresh, "run", traced)


def delete_run(w: World) -> Act:
    fresh = w.fresh
    return lambda: delattr(fresh, "run")


def set_context(w: World) -> Act:
    waiting = w.waiting
    return lambda: setattr(waiting, "gr_context", contextvars.Context())


def get_context(w: World) -> Act:
    waiting = w.waiting
    return lambda: waiting.gr_context


def get_dict(w: World) -> Act:
    fresh = w.fresh
    return lambda: len(fresh.__dict__)


def get_frame(w: World) -> Act:
    waiting = w.waiting
    return lambda: waiting.gr_frame is None


def set_tracer(w: World) -> Act:
    return lambda: switchlib.settrace(traced)


def set_dict(w: World) -> Act:
    fresh = w.fresh
    fresh.mark = borne()
    return lambda: setattr(fresh, "__dict__", {})


def throw_what_is_none(w: World) -> Act:
    return lambda: w.waiting.throw(5)


def throw_an_instance_and_a_value(w: World) -> Act:
    return lambda: w.waiting.throw(borne().pop(), 5)


def kill_one_that_raises(w: World) -> Act:
    def run() -> None:
        try:
            getcurrent().parent.switch()
        finally:
            raise Thrown

    each = [greenlet(run)]
    each[0].switch()
    return each.clear


def kill_a_survivor(w: World) -> Act:
    def run() -> None:
        with contextlib.suppress(GreenletExit):
            getcurrent().parent.switch()
        w.keep_from_dying()

    each = [greenlet(run)]
    each[0].switch()
    return each.clear


def collect_the_unstarted(w: World) -> Act:
    each = greenlet(traced)
    each.me = each
    return lambda: gc.collect() >= 0


def switch_without_memory(w: World) -> Act:
    def act() -> Any:
        lib.stack_fail_allocation = -1
        try:
            return functools.reduce(
                lambda value, _: sorted([0], key=lambda _: w.waiting.switch(1)), range(2)
            )
        finally:
            lib.stack_fail_allocation = 0

    return act


def in_a_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def begin_in_a_new_thread(w: World) -> Act:
    return lambda: in_a_thread(getcurrent)


def drop_in_another_thread(w: World) -> Act:
    return lambda: (in_a_thread(lambda: drop(w, "waiting")), getcurrent() is w.main)


def drop_one_of_an_ended_thread(w: World) -> Act:
    each: list[greenlet] = []

    def leave() -> None:
        here = getcurrent()
        each.append(greenlet(lambda: here.switch()))
        each[0].switch()

    in_a_thread(leave)
    return each.clear


OPERATIONS = [
    *(switch, switch_with_keywords, switch_to_the_dead, switch_to_oneself, switch_while_traced),
    *(
        switch_with_a_failing_tracer,
        throw_a_class,
        throw_an_instance,
        throw_with_a_traceback,
        throw_while_traced,
    ),
    *(
        throw_into_the_unstarted,
        throw_into_the_dead,
        throw_exit_into_the_dead,
        throw_into_oneself,
        start,
    ),
    *(
        start_with_keywords,
        start_a_subclass,
        start_in_c,
        start_in_c_without_a_frame,
        end,
        end_by_an_exception,
    ),
    *(
        end_by_exit,
        end_into_the_dead,
        end_into_the_unstarted,
        end_into_the_unstarted_by_an_exception,
    ),
    *(
        end_in_a_row,
        end_into_one_without_a_run,
        kill,
        kill_while_an_exception_is_handled,
        kill_in_a_cycle,
        kill_in_a_cycle_elsewhere,
    ),
    *(
        drop_the_unstarted,
        make,
        make_plainly,
        initialise_again,
        set_parent,
        set_parent_in_a_circle,
        set_run,
        delete_run,
        set_context,
    ),
    *(
        get_context,
        get_dict,
        get_frame,
        set_tracer,
        set_dict,
        throw_what_is_none,
        throw_an_instance_and_a_value,
    ),
    *(
        kill_one_that_raises,
        kill_a_survivor,
        collect_the_unstarted,
        switch_without_memory,
        begin_in_a_new_thread,
    ),
    *(drop_in_another_thread, drop_one_of_an_ended_thread),
    *(switch_while_watched, throw_while_watched, start_while_watched, make_while_watched),
    *(make_a_subclass_while_watched, end_while_watched, kill_while_watched),
    switch_with_a_failing_watcher,
]

# ------------------------------------------------------------------------------------------ actions


class Nobody:
    """To whom all can be done."""

    def switch(self, *args: Any) -> None: ...

    def throw(self, *args: Any) -> None: ...

    def __bool__(self) -> bool:
        return False


def adopted(w: World, name: str) -> Any:
    """The greenlet as a child of the current one, so that it comes back here; or a Nobody."""
    each = getattr(w, name)
    try:
        each.parent = getcurrent()
    except ValueError:
        return Nobody()
    return each


def end_it(w: World) -> None:
    adopted(w, "waiting").switch("end")


def kill_it(w: World) -> None:
    adopted(w, "waiting").throw()


def throw_into_it(w: World) -> None:
    each = adopted(w, "waiting")
    if each:
        each.throw(Thrown, 2)


def switch_to_it_and_back(w: World) -> None:
    adopted(w, "waiting").switch(2)


def make_it_a_parent(w: World) -> None:
    if getcurrent() is not w.main and getcurrent() is not w.waiting:
        try:
            getcurrent().parent = w.waiting
        except ValueError:
            w.events.append("ValueError")


def make_it_a_child(w: World) -> None:
    if getcurrent() is not w.waiting:
        with contextlib.suppress(ValueError):
            w.waiting.parent = w.other


def go_to_main(w: World) -> None:
    if getcurrent() is not w.main:
        w.main.switch("early")


def start_the_unstarted(w: World) -> None:
    adopted(w, "fresh").switch(2)


def change_its_run(w: World) -> None:
    if not w.fresh and not w.fresh.dead:
        w.fresh.run = lambda *args: "changed"


def start_another(w: World) -> None:
    greenlet(lambda: None).switch()


def collect(w: World) -> None:
    """With garbage whose finaliser goes elsewhere and comes back."""

    class Garbage:
        def __del__(self) -> None:
            here = getcurrent()
            greenlet(lambda: here.switch()).switch()

    cycle = Garbage()
    cycle.me = cycle  # type: ignore[attr-defined]
    del cycle
    gc.collect()


def trace(w: World) -> None:
    switchlib.settrace(lambda event, pair: None)


def trace_no_more(w: World) -> None:
    switchlib.settrace(None)


def watch(w: World) -> None:
    switchlib.add_watcher(watched)


def watch_no_more(w: World) -> None:
    unwatch()


def raise_one(w: World) -> None:
    """Where the call that is struck can fail; where it cannot, nothing is reported."""
    raise Hostile


def drop_it(w: World) -> None:
    w.greenlets["waiting"] = None


def drop_the_rest(w: World) -> None:
    w.greenlets["fresh"] = w.greenlets["other"] = None


def end_the_others(w: World) -> None:
    for name in ("waiting", "other"):
        adopted(w, name).throw()


def give_it_a_dict(w: World) -> None:
    w.fresh.mark = w.waiting.mark = 1


UNTOLD = {
    *(raise_one, make_it_a_parent, go_to_main, switch_with_a_failing_tracer, switch_without_memory),
    *(
        kill_in_a_cycle,
        kill_in_a_cycle_elsewhere,
        kill_a_survivor,
        begin_in_a_new_thread,
        drop_in_another_thread,
        throw_an_instance_and_a_value,
    ),
    *(switch_while_watched, throw_while_watched, start_while_watched, make_while_watched),
    *(make_a_subclass_while_watched, end_while_watched, kill_while_watched),
    switch_with_a_failing_watcher,
}
"""What comes of these depends on where they strike, or are struck: the greenlet that raises,
goes away or gets another parent may be one that kills, or that is killed, or of another thread.
Where a watcher is called, switches are refused.
"""

STAYING = {
    *(
        make_it_a_parent,
        make_it_a_child,
        change_its_run,
        trace,
        trace_no_more,
        watch,
        watch_no_more,
        raise_one,
        drop_it,
        drop_the_rest,
    ),
    give_it_a_dict,
}
"""These switch to no greenlet. If a finaliser that the collector calls does, and what the collector
has in hand dies there, the collector's lists may be broken (docs/decisions.md).
"""

ACTIONS = [
    *(
        end_it,
        kill_it,
        throw_into_it,
        switch_to_it_and_back,
        make_it_a_parent,
        make_it_a_child,
        go_to_main,
    ),
    *(
        start_the_unstarted,
        change_its_run,
        start_another,
        collect,
        trace,
        trace_no_more,
        watch,
        watch_no_more,
        raise_one,
        drop_it,
        drop_the_rest,
    ),
    *(end_the_others, give_it_a_dict),
]
