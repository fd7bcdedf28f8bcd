"""Programs that use greenlets, as data, and as the Python source that they stand for.

A program has the code of the main greenlet of each of its threads (one or two), the bodies that
its greenlets run, and the code of its generators. Code is a list of instructions, an instruction
a list of a word and operands:

    make slot body parent kind   a greenlet into a slot (LIMIT of them a program); body None: it
                                 gets a run later, and a reference to it is kept, for the
                                 AttributeError that it may raise has one; kind: "plain", "subclass"
                                 (its run is a method), "context" (it has a copy of ours), "partial"
                                 (its run is a function in C), "object" (with __call__), "method"
    set_run who body             who.run = body
    switch who args kwargs       who.switch(*args, **kwargs)
    throw who what               who.throw(...): "exit" no argument, "class", "value" (a class and a
                                 value), "instance", "handled" (from sys.exc_info), "junk" (no
                                 exception)
    reparent who parent          who.parent = parent
    keep slot who                one more reference to a greenlet
    drop slot                    one less
    look who                     is it true, is it dead, who is its parent

    raise number | reraise | return value
    try code catches handler     catches: "Error", "Exception", "GreenletExit" or "BaseException"
    finally code final
    handled                      what sys.exc_info returns, and its chain of contexts
    call via depth code          code called from C, or from C called from C ...: VIAS. Three are
                                 greenlets' own: the constructor of an exception that is thrown, a
                                 finaliser in the former traceback of one, and a tracer of switches
    next generator | yield value
    set value | get              a context variable
    trace what                   "on", "off", or "failing": a tracer that raises
    hand_over                    the other thread runs until it hands over in turn, or ends

and in programs that collect:

    hold via who code            while code runs, a frame of the current greenlet owns another one,
                                 or the greenlet itself: HOLDS are the objects by which it does
    collect                      a collection, and one step in which what it has found dies
    abandon slot                 drop and collect, between which no other collection comes

`who` is a slot, "current", "parent" (of the current one) or "main"; an empty slot stands for the
current greenlet. There are no loops and at most LIMIT greenlets, so that every program ends. At its
end a main greenlet throws GreenletExit into each greenlet of its thread that is suspended, until
all are dead, and takes the generators to their ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Instruction = Sequence[Any]
Code = Sequence[Instruction]

SLOTS = 4
LIMIT = 8
NESTED = {
    "try": (1, 3),
    "finally": (1, 2),
    "call": (3,),
    "hold": (3,),
}  # which operands of an instruction are code
VIAS = (
    "function",
    "sorted",
    "sub",
    "eq",
    "get",
    "import",
    "del",
    "context",
    "constructor",
    "traceback",
    "tracer",
)
HOLDS = (
    "local",
    "cell",
    "default",  # argument of a function
    "method",  # a bound one
    "greenlet",  # another one, which has not begun
    "exception",  # by its traceback
    "variable",  # of a context
    "dict",  # of the locals of exec, which C owns as well
    "generator",  # a suspended one: a collection closes it
    "running",  # a generator whose frame stands below the code
    "coroutine",  # the same
    "asyncgen",  # an asynchronous generator, the same
    "stack",  # a value between two operands
)
FINALISERS = ("del", "traceback")  # what these raise cannot be caught


@dataclass
class Program:
    mains: Sequence[Code]
    bodies: Sequence[Code] = ()
    generators: Sequence[Code] = ()
    keeps: bool = False
    """Whether a reference to every greenlet is kept, so that none is killed for want of one."""
    collects: bool = False
    """Whether frames own greenlets, which a collection then has to find."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Program:
        return Program(**json.loads(text))

    def __str__(self) -> str:
        return source(self)

    def returns_in_finally(self) -> bool:
        """Whether a `finally` block has a `return`."""
        codes = [code for part in (self.mains, self.bodies, self.generators) for code in part]
        return any(
            within[0] == "return"
            for word, *operands in map(list, _instructions(codes))
            if word == "finally"
            for within in _instructions([operands[1]])
        )


def _instructions(codes: Sequence[Code]) -> Iterator[Instruction]:
    """All instructions, those within others included."""
    for code in codes:
        for each in code:
            yield each
            yield from _instructions([each[i] for i in NESTED.get(each[0], ())])


def source(program: Program) -> str:
    """The program in Python, with the names that real.py defines.

    What cannot be run is left out.
    """
    functions: dict[str, str] = {}
    for number, code in enumerate(program.bodies):
        functions[f"body{number}"] = _function(
            f"body{number}(*args, **kwargs)", ["begins(args, kwargs)", *_lines(code)]
        )
    for number, code in enumerate(program.generators):
        lines = list(_lines(code))
        if lines and not any("yield" in line for line in lines):
            lines.append("yield from ()")
        functions[f"generator{number}"] = _function(f"generator{number}()", lines) if lines else ""
    for number, code in enumerate(program.mains):
        functions[f"main{number}"] = _function(f"main{number}()", list(_lines(code)))
    everything = "".join(functions.values())
    return "\n".join(
        text
        for name, text in functions.items()
        if text and (everything.count(name) > 1 or not name.startswith("body"))
    )


def _function(head: str, lines: list[str]) -> str:
    return "\n".join([f"def {head}:", *_indented(iter(lines)), ""])


def _indented(lines: Iterator[str]) -> list[str]:
    return ["    " + line for line in lines] or ["    pass"]


def _lines(code: Code) -> Iterator[str]:
    for instruction in code:
        yield from _instruction(*instruction)


def _instruction(word: str, *operands: Any) -> Iterator[str]:
    if word in LINES:
        yield LINES[word].format(*operands)
    elif word == "make":
        slot, body, parent, kind = operands
        run = None if body is None else f"body{body}"
        yield f"make({slot}, {run}, {parent!r}, {kind!r})"
    elif word == "switch":
        who, args, kwargs = operands
        given = [repr(value) for value in args] + [
            f"{name}={value!r}" for name, value in kwargs.items()
        ]
        yield f"got(at({who!r}).switch({', '.join(given)}))"
    elif word == "throw":
        who, what = operands
        yield f"got(at({who!r}).throw({THROWN[what]}))"
    elif word == "try":
        body, catches, handler = operands
        yield "try:"
        yield from _indented(_lines(body))
        yield f"except {catches} as exception:"
        yield from _indented(iter(["caught(exception)", *_lines(handler)]))
    elif word == "finally":
        body, final = operands
        yield "try:"
        yield from _indented(_lines(body))
        yield "finally:"
        yield from _indented(_lines(final))
    elif word in ("call", "hold"):
        via, what, body = operands
        yield "def called():"
        yield from _indented(_lines(body))
        yield f"{word}({via!r}, {what!r}, called)"
    else:
        yield f"{word}({', '.join(map(repr, operands))})"


LINES = {
    "set_run": "set_run({!r}, body{})",
    "raise": "raise Error({})",
    "reraise": "raise",
    "return": "return {}",
    "next": "came(next(generators[{}], 'its end'))",
    "yield": "yield {}",
}
THROWN = {
    "exit": "",
    "class": "Error",
    "value": "Error, 1",
    "instance": "Error(2)",
    "handled": "sys.exc_info()[1]",
    "junk": "3",
}
