"""The Python that programs are written in: how code runs on a stack of frames, and how it ends.

No greenlets here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.model.program import FINALISERS, Code

NORMAL, RETURN, RAISE = "normal", "return", "raise"  # how code ends


@dataclass(eq=False)
class Raised:
    """An exception. Its context is what was being handled where it was raised."""

    kind: str
    number: int | None = None
    context: Raised | None = None

    def __repr__(self) -> str:
        return self.kind if self.number is None else f"{self.kind}({self.number})"

    def chain(self) -> str:
        return repr(self) if self.context is None else f"{self!r} < {self.context.chain()}"


@dataclass(eq=False)
class Frame:
    """A stretch of code under way.

    What its end means depends on its kind: see `Interpreter.leave`.
    """

    kind: str
    code: Code
    rest: Any = None
    handled: Raised | None = None  # the exception that this code handles
    done: int = 0
    todo: list[tuple[Any, ...]] = field(default_factory=list)
    """Functions with their arguments: what is still to be done before the next instruction."""


@dataclass(eq=False)
class Stack:
    name: str
    frames: list[Frame] = field(default_factory=list)
    variables: dict[str, int] = field(default_factory=dict)
    """The context that contextvars have here."""


@dataclass(eq=False)
class Generator:
    frames: list[Frame]
    state: str = "suspended"


class Refused(Exception):
    """The kind of exception that an operation raises in its caller."""


class Interpreter:
    """Takes steps of the last frame of the current stack; each instruction is a method."""

    current: Stack

    def __init__(self, generators: list[Code]) -> None:
        self.events: list[str] = []
        self.generators = [Generator([Frame("generator", code)]) for code in generators]

    def step(self) -> None:
        frame = self.current.frames[-1]
        if frame.todo:
            action, *operands = frame.todo.pop(0)
        elif frame.done < len(frame.code):
            word, *operands = frame.code[frame.done]
            frame.done += 1
            action = getattr(self, f"do_{word}")
        else:
            action, operands = self.leave, [NORMAL, None]
        try:
            action(*operands)
        except Refused as refused:
            self.leave(RAISE, self.raised(str(refused)))

    def event(self, *what: Any) -> None:
        self.events.append(" ".join(map(str, [self.current.name, *what])))

    def soon(self, *todo: tuple[Any, ...]) -> None:
        """What is done here before anything else."""
        self.current.frames[-1].todo[:0] = todo

    def enter(self, kind: str, code: Code, rest: Any = None, handled: Raised | None = None) -> None:
        self.current.frames.append(Frame(kind, code, rest, handled))

    def leave(self, how: str, value: Any) -> None:
        """Code ends: NORMAL, by RETURN or by RAISE.

        So do the frames below, up to one that continues.
        """
        while True:
            frame = self.current.frames.pop()
            if frame.kind == "try" and how == RAISE and catches(frame.rest[0], value):
                self.event("caught", value.chain())
                return self.enter("handler", frame.rest[1], handled=value)
            if frame.kind == "finally":
                return self.enter(
                    "final", frame.rest, (how, value), value if how == RAISE else None
                )
            if frame.kind == "hold":
                return self.let_go(frame.rest, how, value)
            if frame.kind == "final" and how == NORMAL:
                how, value = frame.rest
            elif frame.kind == "call":
                via, variables = frame.rest
                self.current.variables = variables
                self.called(via)
                if via in FINALISERS and how == RAISE:
                    self.event("cannot raise", value.chain())
                if via in FINALISERS or how == RETURN:
                    how = NORMAL
            elif frame.kind == "generator":
                frame.rest.state = "done"
                if how != RAISE:
                    return self.event("came to its end")
            elif frame.kind == "bottom":
                return self.end(how, value)
            if how == NORMAL:
                return None

    def end(self, how: str, value: Any) -> None:
        """The last frame of the current stack has ended."""
        raise NotImplementedError

    def called(self, via: str) -> None:
        """Code that was called so has ended."""

    def let_go(self, hold: Any, how: str, value: Any) -> None:
        """Code has ended that ran above a frame which owned something."""
        raise NotImplementedError

    def raised(self, kind: str, number: int | None = None) -> Raised:
        return Raised(kind, number, self.handled())

    def handled(self) -> Raised | None:
        return next(
            (frame.handled for frame in reversed(self.current.frames) if frame.handled), None
        )

    def do_handled(self) -> None:
        exception = self.handled()
        self.event("handles", exception and exception.chain())

    def do_raise(self, number: int) -> None:
        self.leave(RAISE, self.raised("Error", number))

    def do_reraise(self) -> None:
        self.leave(RAISE, self.handled() or Raised("RuntimeError"))

    def do_return(self, value: int) -> None:
        self.leave(RETURN, value)

    def do_try(self, code: Code, clause: str, handler: Code) -> None:
        self.enter("try", code, (clause, handler))

    def do_finally(self, code: Code, final: Code) -> None:
        self.enter("finally", code, final)

    def do_call(self, via: str, depth: int, code: Code) -> None:
        """Through whatever C it goes, but contextvars.Context.run lends a copy,
        and finalisers raise nothing.
        """
        variables = self.current.variables
        self.enter("call", code, (via, variables))
        if via == "context":
            self.current.variables = dict(variables)

    def do_set(self, value: int) -> None:
        self.current.variables["var"] = value

    def do_get(self) -> None:
        self.event("has", self.current.variables.get("var"))

    def do_next(self, number: int) -> None:
        """A generator's frames lie on the stack that resumes it, until it yields."""
        generator = self.generators[number]
        if generator.state == "running":
            raise Refused("ValueError")
        if generator.state == "done":
            return self.event("came to its end")
        generator.state = "running"
        generator.frames[0].rest = generator
        self.current.frames += generator.frames
        return None

    def do_yield(self, value: int) -> None:
        frames = self.current.frames
        place = max(place for place, frame in enumerate(frames) if frame.kind == "generator")
        generator = frames[place].rest
        generator.frames, generator.state = frames[place:], "suspended"
        del frames[place:]
        self.event("came to", value)


def catches(clause: str, exception: Raised) -> bool:
    """Whether `except clause` does."""
    if clause == "Exception":
        return exception.kind != "GreenletExit"
    return clause in (exception.kind, "BaseException")
