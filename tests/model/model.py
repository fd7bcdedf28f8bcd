"""What greenlets mean: a machine that runs programs (program.py) on greenlets,
and switches no stacks.

A greenlet has a stack, which here is a list of frames (python.py): what it will do next is written
there. One greenlet of a thread is current, and the machine takes the next step of its last frame.
To switch is to make another one current. What travels is a message: a Call (arguments) or a Raised
(an exception). A switch is given one, and returns or raises the one that somebody else brings.

    unstarted --first message--> live (suspended or current) --its run ends--> dead

Begin with `do_switch`, then read `deliver`, `arrive` and `end`.

References count. A greenlet is owned by each slot that holds it, by each greenlet whose parent it
is, by its thread while it is current, and by each call that waits in a switch or throw of it:
`g.switch()` holds g until it returns. Its own stack does not own it. A suspended greenlet that
loses its last owner is killed then and there: see `release`.

In programs that collect, frames own greenlets as well, so that greenlets may own themselves in a
circle. A collection finds those that are suspended and that nothing else owns: see
`find_unreachable`. They are killed when their thread resumes, in an order that is the interpreter's
own: `follow` takes the one that a run has shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Union

from tests.model.program import LIMIT, SLOTS, Code, Program
from tests.model.python import NORMAL, RAISE, Frame, Interpreter, Raised, Refused, Stack

MOST_STEPS = 100_000  # a program takes some hundreds


@dataclass(eq=False)
class Call:
    """Arguments on their way to a greenlet."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def value(self) -> Any:
        """What comes out of a switch; a greenlet that begins is called
        with the arguments as they are.
        """
        if not self.kwargs:
            return self.args[0] if len(self.args) == 1 else self.args
        return (self.args, self.kwargs) if self.args else self.kwargs


Message = Union[Call, Raised]


@dataclass(eq=False)
class Greenlet(Stack):
    parent: Greenlet | None = None
    run: int | None = None  # which body, once it has been told
    state: str = "unstarted"
    thread: Thread | None = None  # the one it began in, for good
    resume: Callable[[Message], None] | None = None  # takes the message that it waits for
    subclass: bool = False
    owners: int = 0
    victim: Greenlet | None = None  # the one for whose end it waits, if it is suspended in a kill
    was_found: bool = False  # by a collection, which it outlived
    waits_in: Greenlet | None = None  # whose switch or throw it waits in, and owns for that


@dataclass(eq=False)
class Thread:
    main: Greenlet
    current: Greenlet
    tracer: str = "off"
    doomed: list[Greenlet] = field(default_factory=list)
    """Greenlets that lost their last owner in another thread:
    this one kills them when it resumes.
    """
    unreachable: list[Greenlet] = field(default_factory=list)
    """Greenlets that a collection found: this one owns them, and kills them when it resumes."""
    ended: bool = False
    first_of_row: Greenlet | None = None
    """A dead one that ended into one that began."""


@dataclass(eq=False)
class Hold:
    """What a frame owns."""

    via: str
    held: Greenlet | None


@dataclass(frozen=True)
class Choice:
    """Which of several victims was killed next, and after how many events."""

    events: int
    chosen: int
    among: int


class Model(Interpreter):
    def __init__(
        self, program: Program, unseen: Collection[str] = (), choices: Sequence[int] = ()
    ) -> None:
        """The collector does not see what frames own by the ways in `unseen`: HOLDS, and "wait"."""
        super().__init__(list(program.generators))
        self.program = program
        self.unseen = unseen
        self.choices = list(choices)
        self.chosen: list[Choice] = []
        self.found: Counter[str] = Counter()
        """What collections found: how many greenlets,
        and how frames of theirs own others of them.
        """
        self.lingers = False
        """Whether a collection at another time than the program's would have found something."""
        self.differences: set[str] = set()
        """What the program does that the real greenlet does in another way: docs/testing.md."""
        self.slots: list[Greenlet | None] = [None] * SLOTS
        self.made: list[Greenlet] = []  # those that exist
        self.count = 0
        self.threads: list[Thread] = []
        for name, code in zip(["main", "main2"], program.mains):
            guarded: Code = [
                ["try", [["call", "function", 0, code]], "BaseException", []],
                ["finish"],
            ]
            main = Greenlet(name, [Frame("bottom", guarded)], state="live", owners=2)
            main.thread = Thread(main, main)
            self.threads.append(main.thread)
        self.thread = self.threads[0]

    @property
    def current(self) -> Greenlet:  # type: ignore[override]
        return self.thread.current

    def run(self) -> list[str]:
        for _ in range(MOST_STEPS):
            if self.thread.ended:
                return self.events
            self.step()
        raise AssertionError("it never ends")

    def at(self, who: Any) -> Greenlet:
        """The greenlet that an operand names."""
        if isinstance(who, Greenlet):
            return who
        names = {"current": self.current, "parent": self.current.parent, "main": self.thread.main}
        return (names[who] if isinstance(who, str) else self.slots[who]) or self.current

    # ------------------------------------------------------------------------------------ switching

    def do_switch(self, who: Any, args: Any, kwargs: dict[str, Any]) -> None:
        self.wait_in(self.at(who), Call(tuple(args), dict(kwargs)))

    def do_throw(self, who: Any, what: str) -> None:
        """An exception goes the same ways.

        What had ended ends by GreenletExit once more, which is to return.
        """
        target = self.at(who)
        numbers = {"exit": None, "class": None, "value": 1, "instance": 2}
        kind = "GreenletExit" if what == "exit" else "Error"
        exception = (
            Raised(kind, numbers[what])
            if what in numbers
            else self.handled()
            if what == "handled"
            else None
        )
        if exception is None:
            raise Refused("TypeError")
        ends_again = exception.kind == "GreenletExit" and target.state == "dead"
        self.wait_in(target, Call((exception,)) if ends_again else exception)

    def wait_in(self, target: Greenlet, message: Message) -> None:
        """The current greenlet sends a message, and waits for one in the call.

        The call holds the target.
        """
        origin = self.current
        origin.resume = partial(self.come_back, target)
        self.deliver(target, message)
        target.owners += 1
        origin.waits_in = target

    def come_back(self, held: Greenlet, message: Message) -> None:
        self.current.waits_in = None
        self.soon((self.release, held), (self.take, message))

    def take(self, message: Message) -> None:
        """What has come is raised, or returned."""
        if isinstance(message, Raised):
            return self.leave(RAISE, message)
        return self.event("got", message.value())

    def deliver(self, target: Greenlet, message: Message) -> None:
        """The message goes to the nearest greenlet, target or an ancestor, that is not dead."""
        self.check_thread(target)
        live = next(each for each in lineage(target) if each.state != "dead")
        self.check_thread(live)
        if live.state == "unstarted":
            if live.run is None:
                raise Refused("AttributeError")
            if self.current.state == "dead":
                self.shorten_row(self.current, live)
            live.state, live.thread, live.resume = "live", self.thread, self.begin
            live.frames = [Frame("bottom", self.program.bodies[live.run])]
        self.arrive(live, message)

    def shorten_row(self, dying: Greenlet, following: Greenlet) -> None:
        """Greenlets end into one another in a row: the first one's parent is then the next, if
        nothing else owns those between, which otherwise could not go as long as the first is there.
        """
        first = self.thread.first_of_row
        if (
            first in self.made and first.parent is dying and dying.owners == 2
        ):  # the current one, and a parent
            self.differences.add("a chain of dead greenlets stays alive")
            first.parent = following
            following.owners += 1
            dying.owners -= 1
        else:
            self.thread.first_of_row = dying

    def check_thread(self, target: Greenlet) -> None:
        """A greenlet runs in the thread it began in.

        An unstarted one would where its nearest ancestor began.
        """
        if (
            next(each for each in lineage(target) if each.state != "unstarted").thread
            is not self.thread
        ):
            raise Refused("error")

    def arrive(self, target: Greenlet, message: Message) -> None:
        """The switch.

        The tracer is called in the target, then the origin is let go, then the message is taken.
        """
        origin, self.thread.current = self.current, target
        target.owners += 1
        if self.thread.tracer != "off":
            self.event(
                "traces",
                "throw" if isinstance(message, Raised) else "switch",
                origin.name,
                target.name,
            )
        if self.thread.tracer == "failing":  # it is removed, and what it raised arrives instead
            self.thread.tracer = "off"
            message = self.raised("Error", 0)
        self.soon((self.release, origin), (target.resume, message))

    def begin(self, message: Message) -> None:
        """The first message calls run with the arguments.

        An exception ends the greenlet at once.
        """
        if isinstance(message, Raised):
            return self.leave(RAISE, message)
        if any(isinstance(each, Raised) for each in message.args):
            self.differences.add("run is called with a GreenletExit")
        return self.event("begins", message.args, message.kwargs)

    def end(self, how: str, value: Any) -> None:
        """The parent gets what run returned or raised. GreenletExit is a way to return.

        If the parent cannot take it (it is of another thread, or has no run), what it raises goes
        to the next above, with the exception that it could not take as its context.
        """
        me = self.current
        if me is self.thread.main:
            return self.end_thread()
        me.state = "dead"
        message: Message = (
            value if how == RAISE and value.kind != "GreenletExit" else Call((value,))
        )
        for heir in lineage(me)[1:]:
            try:
                return self.deliver(heir, message)
            except Refused as refused:
                if isinstance(message, Raised):
                    self.differences.add("a parent cannot receive an exception")
                message = Raised(
                    str(refused), context=message if isinstance(message, Raised) else None
                )
        raise AssertionError("no ancestor is left: the process ends")

    # ----------------------------------------------------------------------------------- references

    def release(self, greenlet: Greenlet | None) -> None:
        """Somebody no longer owns it.

        With its last owner it goes, and with it its hold on its parent.
        """
        if greenlet is not None:
            greenlet.owners -= 1
            if greenlet.owners == 0 and greenlet.state == "live":
                self.kill(greenlet)
            elif greenlet.owners == 0:
                self.made = [each for each in self.made if each is not greenlet]
                self.release(greenlet.parent)
            elif self.program.collects and not self.lingers:
                self.lingers = bool(self.find_unreachable())

    def kill(self, victim: Greenlet) -> None:
        """GreenletExit is thrown in.

        Until somebody comes back here, the killer is the victim's parent, and owns it.
        """
        victim.owners = 1
        assert victim.thread is not None
        if victim.thread is not self.thread:
            victim.thread.doomed.append(victim)
        else:
            self.kill_here(victim)

    def kill_here(self, victim: Greenlet) -> None:
        parent, victim.parent = victim.parent, self.current
        self.current.owners += 1
        self.wait_in_kill(victim, parent, told=False)

    def wait_in_kill(self, victim: Greenlet, parent: Greenlet | None, told: bool) -> None:
        """A victim that waits in a kill of its own, since its victim lives on,
        resumes there first.
        """
        if victim.victim:
            self.differences.add("a victim of a victim survives")
        self.current.resume = partial(self.killed, victim, parent, told or not victim.victim)
        self.current.victim = victim
        self.arrive(victim, Call((None,)) if victim.victim else self.raised("GreenletExit"))

    def killed(
        self, victim: Greenlet, parent: Greenlet | None, told: bool, message: Message
    ) -> None:
        """What came back is lost, but an exception is told to sys.unraisablehook.

        Victim is dead, or not.
        """
        self.current.victim = None
        if isinstance(message, Raised):
            self.event("cannot raise", message.chain())
        if (
            victim.state == "live"
            and (victim.victim or not told)
            and self.current not in victims(victim)
        ):
            self.wait_in_kill(victim, parent, told)
        elif victim in lineage(parent):  # by now: the killer stays its parent
            self.differences.add("a kill leaves a cycle of parents")
            self.soon((self.release, parent), (self.bury, victim))
        else:
            killer, victim.parent = victim.parent, parent
            self.soon((self.release, killer), (self.bury, victim))

    def bury(self, victim: Greenlet) -> None:
        """It dies with the killer's hold, or it lives on where others own it, or,
        if nobody does, for ever.
        """
        if victim.owners == 1 and victim.state == "live":
            self.event("did not kill")
        else:
            self.release(victim)

    # ---------------------------------------------------------------------------------- collections

    def do_hold(self, via: str, who: Any, code: Code) -> None:
        held = self.at(who)
        held.owners += 1
        self.enter("hold", code, Hold(via, held))

    def let_go(self, hold: Hold, how: str, value: Any) -> None:
        """A finally block does it, but for a value on the stack: that goes as the frame is left."""
        handled = value if how == RAISE and hold.via != "stack" else None
        self.enter("final", [], (RAISE if how == RAISE else NORMAL, value), handled)
        self.soon((self.release, hold.held))

    def do_abandon(self, slot: int) -> None:
        old, self.slots[slot] = self.slots[slot], None
        self.soon((self.do_collect,))
        if old is not None and old.owners > 1:
            old.owners -= 1
        else:
            self.release(old)

    def do_collect(self) -> None:
        """What is found is owned by its thread from now on, with all that it owns itself.
        Only then are finalisers over, of which a suspended generator has one that ends it.
        """
        found = self.find_unreachable()
        holds = [hold for greenlet in found for hold in held_by(greenlet)]
        self.found.update(
            {
                "greenlets": len(found),
                "greenlets of another thread": sum(
                    each.thread is not self.thread for each in found
                ),
                "greenlets found before": sum(each.was_found for each in found),
                "greenlets that were not alone": len(found) * (len(found) > 1),
            }
        )
        self.found.update(hold.via for hold in holds if hold.held in found)
        for greenlet in found:
            assert greenlet.thread is not None
            greenlet.was_found = True
            greenlet.owners += 1
            greenlet.thread.unreachable.append(greenlet)
        for hold in holds:
            if hold.via == "generator":
                held, hold.held = hold.held, None
                self.release(held)
        self.soon((self.kill_unreachable,))

    def find_unreachable(self) -> list[Greenlet]:
        """The suspended greenlets that only such greenlets own, as CPython's collector finds them:
        what is owned more often than it sees is owned from elsewhere, and so is all that this owns.
        """
        everybody = [*(thread.main for thread in self.threads), *self.made]
        owned = {each: self.seen_to_own(each) for each in everybody}
        unseen = Counter({each: each.owners for each in everybody})
        unseen.subtract(each for some in owned.values() for each in some)
        reached = [each for each in everybody if unseen[each] > 0]
        for each in reached:
            reached += [other for other in owned[each] if other not in reached]
        return [each for each in self.made if each.state == "live" and each not in reached]

    def seen_to_own(self, greenlet: Greenlet) -> list[Greenlet]:
        """What the collector sees that a greenlet owns: its parent,
        and while it is suspended what its frames own.
        """
        owned = [] if greenlet.parent is None else [greenlet.parent]
        if is_suspended(greenlet):
            seen = [hold for hold in held_by(greenlet) if hold.via not in self.unseen]
            owned += [hold.held for hold in seen if hold.held is not None]
            if greenlet.waits_in is not None and "wait" not in self.unseen:
                owned += [greenlet.waits_in] * (not waits_in_generator(greenlet))
        return owned

    def kill_unreachable(self) -> None:
        taken, self.thread.unreachable = self.thread.unreachable, []
        self.kill_next(taken)

    def kill_next(self, taken: list[Greenlet]) -> None:
        if taken:
            victim = taken.pop(self.choose(len(taken)))
            self.soon((self.kill_next, taken))
            if is_suspended(victim) and victim not in lineage(self.current):
                self.kill_here(victim)
            else:
                self.release(victim)

    def choose(self, among: int) -> int:
        chosen = self.choices.pop(0) if self.choices else 0
        self.chosen.append(Choice(len(self.events), chosen, among))
        return chosen

    # --------------------------------------------------------------------- more and less references

    def do_drop(self, slot: int) -> None:
        old, self.slots[slot] = self.slots[slot], None
        self.release(old)

    def do_keep(self, slot: int, who: Any) -> None:
        if self.slots[slot] is not None:
            self.soon((self.do_drop, slot), (self.do_keep, slot, who))
        else:
            greenlet = self.slots[slot] = self.at(who)
            greenlet.owners += 1

    # ---------------------------------------------------------------- making and changing greenlets

    def do_make(self, slot: int, body: int | None, parent: Any, kind: str) -> None:
        """The parent is the current greenlet, if none is given."""
        if self.count < LIMIT and self.slots[slot] is not None:
            self.soon((self.do_drop, slot), (self.do_make, slot, body, parent, kind))
        elif self.count < LIMIT:
            self.count += 1
            above = self.at("current" if parent is None else parent)
            above.owners += 1
            new = self.slots[slot] = Greenlet(f"g{self.count}", parent=above, run=body)
            new.owners = 1 + (self.program.keeps or body is None)
            new.subclass = kind == "subclass" and body is not None
            new.variables = dict(self.current.variables) if kind == "context" else {}
            self.made.append(new)

    def do_set_run(self, who: Any, body: int) -> None:
        target = self.at(who)
        if target.state == "unstarted":
            target.run = body
        elif not target.subclass:
            self.event("AttributeError")

    def do_reparent(self, who: Any, parent: Any) -> None:
        """Any greenlet may be the parent that is no descendant,
        and is of the same thread if this one has begun.
        """
        child, parent = self.at(who), self.at(parent)
        root = lineage(parent)[-1]
        if child.parent is None:
            self.event("AttributeError")
        elif child.state == "unstarted" and lineage(child)[-1] is not root:
            self.event(
                "does not try"
            )  # descendants that have begun could be left without a way to end
        elif child in lineage(parent) or child.thread not in (None, root.thread):
            self.event("ValueError")
        else:
            old, child.parent = child.parent, parent
            child.owners += 1
            parent.owners += 2
            self.soon((self.release, old), (self.release, parent), (self.release, child))

    def do_look(self, who: Any) -> None:
        greenlet = self.at(who)
        if (
            greenlet.parent is None
            and greenlet.thread is not self.thread
            and greenlet.state == "dead"
        ):
            self.differences.add("the main greenlet of an ended thread stays true")
        above = greenlet.parent and greenlet.parent.name
        self.event(greenlet.name, greenlet.state == "live", greenlet.state == "dead", above)

    def do_call(self, via: str, depth: int, code: Code) -> None:
        """A tracer is given the greenlet that it is called in,
        which so owns itself until the call is over.
        """
        super().do_call(via, depth, code)
        self.current.owners += via == "tracer"

    def called(self, via: str) -> None:
        self.current.owners -= via == "tracer"

    def do_trace(self, what: str) -> None:
        self.thread.tracer = what

    # -------------------------------------------------------------------------------------- threads

    def do_hand_over(self) -> None:
        self.event("hands over")
        self.soon((self.go_on,))
        self.pass_on()

    def pass_on(self) -> None:
        others = (
            thread for thread in self.threads if thread is not self.thread and not thread.ended
        )
        self.thread = next(others, self.thread)

    def go_on(self) -> None:
        doomed, self.thread.doomed = self.thread.doomed, []
        self.soon(
            *((self.release, greenlet) for greenlet in doomed),
            (self.kill_unreachable,),
            (self.event, "is back"),
        )

    def do_finish(self) -> None:
        """At a main greenlet's end all greenlets of its thread end, then the generators."""
        mine = [each for each in self.made if each.state == "live" and each.thread is self.thread]
        idle = [
            number
            for number, generator in enumerate(self.generators)
            if generator.state == "suspended"
        ]
        if mine or idle:
            self.current.frames[-1].done -= 1
            self.do_try(
                [["throw", mine[0], "exit"] if mine else ["next", idle[0]]], "BaseException", []
            )

    def end_thread(self) -> None:
        self.thread.ended = True
        self.current.frames = []
        if self.thread is not self.threads[0]:  # which waits for the other
            self.current.state = "dead"
        self.pass_on()


def victims(greenlet: Greenlet) -> list[Greenlet]:
    """The greenlet that this one waits for in a kill, the one that that waits for, and so on."""
    return [] if greenlet.victim is None else [greenlet.victim, *victims(greenlet.victim)]


def lineage(greenlet: Greenlet | None) -> list[Greenlet]:
    """A greenlet, its parent, and so on: the last one is a main greenlet."""
    return [] if greenlet is None else [greenlet, *lineage(greenlet.parent)]


def is_suspended(greenlet: Greenlet) -> bool:
    thread = greenlet.thread
    return greenlet.state == "live" and thread is not None and greenlet is not thread.current


def held_by(greenlet: Greenlet) -> list[Hold]:
    """What its frames own."""
    return [frame.rest for frame in greenlet.frames if frame.kind == "hold"]


def waits_in_generator(greenlet: Greenlet) -> bool:
    """Whether it is the frame of a generator of the program's that waits:
    which is reached without the greenlet.
    """
    functions = [frame.kind for frame in greenlet.frames if frame.kind in FUNCTIONS]
    return functions[-1] == "generator"


FUNCTIONS = ("bottom", "call", "hold", "generator")
MOST_RUNS = 1000


def follow(program: Program, events: list[str], unseen: Collection[str] = ()) -> Model:
    """The model after a run, of which it took over in which order those that
    a collection found were killed.

    If there is no such order it is a run of the model's own.
    """
    model = first = Model(program, unseen)
    model.run()
    for _ in range(MOST_RUNS):
        pairs = enumerate(zip(model.events, events))
        same = next((n for n, (one, other) in pairs if one != other), len(model.events))
        if model.events == events:
            return model
        chosen = [choice for choice in model.chosen if choice.events <= same]
        while chosen and chosen[-1].chosen + 1 == chosen[-1].among:
            chosen.pop()
        if not chosen:
            break
        model = Model(
            program, unseen, [*(each.chosen for each in chosen[:-1]), chosen[-1].chosen + 1]
        )
        model.run()
    return first
