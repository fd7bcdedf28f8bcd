"""Random programs of greenlets: what happens, and in which order, is what a model without stacks says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from switchlib import getcurrent, greenlet

# A program is a list of steps. Each step is taken by whoever runs then, which names a greenlet by its number:
#     ("switch", number, value)   ("throw", number)   ("return", value)   ("raise",)   ("reparent", number, number)


class Thrown(Exception):
    pass


STEPS = 30
NUMBERS = st.integers(0, 4)
STEP = st.one_of(
    st.tuples(st.just("switch"), NUMBERS, st.integers(0, 99)),
    st.tuples(st.just("throw"), NUMBERS),
    st.tuples(st.just("return"), st.integers(100, 199)),
    st.tuples(st.just("raise")),
    st.tuples(st.just("reparent"), NUMBERS, NUMBERS),
)
PROGRAMS = st.lists(STEP, max_size=STEPS)


# --------------------------------------------------------------------------------------------- the real thing


def run_for_real(program: list[tuple[Any, ...]]) -> list[Any]:
    """Greenlet 0 is main, 1 to 4 are its children. When the program is over, control goes up to main."""
    events: list[Any] = []
    steps = iter(program)
    greenlets: list[greenlet] = []

    def take_steps(me: int) -> Any:
        for step in steps:
            what, *operands = step
            if what == "switch":
                number, value = operands
                events.append((me, "got", attempt(greenlets[number].switch, value)))
            elif what == "throw":
                (number,) = operands
                events.append((me, "got", attempt(greenlets[number].throw, Thrown)))
            elif what == "return" and me:
                events.append((me, "returns", *operands))
                return operands[0]
            elif what == "raise" and me:
                events.append((me, "raises"))
                raise Thrown
            elif what == "reparent":
                child, parent = operands
                try:
                    greenlets[child].parent = greenlets[parent]
                except (ValueError, AttributeError) as exception:
                    events.append((me, type(exception).__name__))
        events.append((me, "is done"))
        return None

    def attempt(action: Any, argument: Any) -> Any:
        try:
            return action(argument)
        except Thrown:
            return "Thrown"

    def body(me: int) -> Any:
        def run(value: Any) -> Any:
            events.append((me, "begins", value))
            return take_steps(me)

        return run

    greenlets.append(getcurrent())
    greenlets.extend(greenlet(body(number)) for number in range(1, 5))
    take_steps(0)
    states = [(bool(each), each.dead) for each in greenlets]
    found = [*events, states]
    # Those left suspended may hold each other by the frames they wait in, which no collector sees.
    for each in greenlets[1:]:
        each.parent = greenlets[0]
    for each in greenlets[1:]:
        if each:
            each.throw()
    greenlets.clear()
    return found


# -------------------------------------------------------------------------------------------------- the model


@dataclass
class Model:
    """The semantics of greenlets with no stacks: each has a state and a parent, and one of them is current."""

    states: list[str] = field(default_factory=lambda: ["live"] + ["unstarted"] * 4)
    parents: list[int | None] = field(default_factory=lambda: [None, 0, 0, 0, 0])
    current: int = 0
    events: list[Any] = field(default_factory=list)

    def deliver(self, target: int | None, value: Any) -> None:
        """A value, or Thrown, goes to the nearest that is not dead."""
        while self.states[target] == "dead":
            target = self.parents[target]
        if self.states[target] == "live":
            self.current = target
            self.events.append((target, "got", value))
            return
        self.states[target] = "live"
        self.current = target
        if value == "Thrown":
            self.end(value)
        else:
            self.events.append((target, "begins", value))

    def end(self, value: Any) -> None:
        self.states[self.current] = "dead"
        self.deliver(self.parents[self.current], value)

    def reparent(self, child: int, parent: int) -> None:
        ancestor: int | None = parent
        while ancestor is not None and ancestor != child:
            ancestor = self.parents[ancestor]
        if child == 0:
            self.events.append((self.current, "AttributeError"))
        elif ancestor == child:
            self.events.append((self.current, "ValueError"))
        else:
            self.parents[child] = parent

    def run(self, program: list[tuple[Any, ...]]) -> list[Any]:
        for step in program:
            what, *operands = step
            if what == "switch":
                self.deliver(*operands)
            elif what == "throw":
                self.deliver(*operands, "Thrown")
            elif what == "return" and self.current:
                self.events.append((self.current, "returns", *operands))
                self.end(*operands)
            elif what == "raise" and self.current:
                self.events.append((self.current, "raises"))
                self.end("Thrown")
            elif what == "reparent":
                self.reparent(*operands)
        while self.current:
            self.events.append((self.current, "is done"))
            self.end(None)
        self.events.append((0, "is done"))
        self.events.append([(state == "live", state == "dead") for state in self.states])
        return self.events


@given(PROGRAMS)
def test_the_order_of_events_is_the_models(program):
    assert run_for_real(program) == Model().run(program)


def test_the_source_documents_program():
    program = [("switch", 1, 12), ("switch", 2, 56), ("switch", 1, 34), ("return", 100), ("switch", 2, 78)]
    assert run_for_real(program) == Model().run(program)
