"""Runs programs (program.py) on real stacks: on switchlib, or on greenlet in a process of its own.

    python -m tests.model.real MODULE     reads programs and writes their events, as lines of JSON

It needs the standard library and the module, no more.
"""

from __future__ import annotations

import contextvars
import gc
import importlib
import importlib.abc
import importlib.machinery
import inspect
import json
import queue
import re
import sys
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache, partial
from types import CodeType, FrameType, ModuleType
from typing import Any

from tests.frozen import frozen
from tests.model.program import LIMIT, SLOTS, Program, source
from tests.settings import JIT, gc_off, gc_threshold, switch_interval, traced

UNSEEN = (
    *("dict", "wait"),
    *(("stack",) if (3, 11) <= sys.version_info < (3, 14) else ("coroutine", "asyncgen")),
    *(("stack", "running") if JIT else ()),
)
"""What frames own that the collector does not see."""
PATIENCE = 60  # seconds until a thread that is never handed its turn gives up


class Worker:
    """Calls what it was made of, as an object and by its method."""

    def __init__(self, called: Any) -> None:
        self.called = called

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.called(*args, **kwargs)


RUNS: dict[str, Callable[[Any], Any]] = {
    "partial": partial,
    "object": Worker,
    "method": lambda run: Worker(run).__call__,
}


class Error(Exception):
    def __repr__(self) -> str:
        return f"Error({self.args[0]})" if self.args else "Error"


def run_on(greenlets: ModuleType, program: Program) -> list[str]:
    """The events of a program.

    `greenlets` is the module that has greenlet, getcurrent and settrace.
    """
    return World(greenlets, program).run()


@lru_cache(maxsize=1)
def _compiled(text: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return compile(text, "<program>", "exec")


class Turn:
    """A thread of a program. One runs at a time."""

    def __init__(self, name: str, main: Callable[[], None]) -> None:
        self.name = name
        self.main = main
        self.thread: threading.Thread | None = (
            None  # but for the first, which runs in the thread of the test
        )
        self.ended = False
        self.baton: queue.SimpleQueue[None] = queue.SimpleQueue()

    def begin(self) -> None:
        """It waits for the baton. It begins no sooner: while two threads run, one may find the
        other in the midst of a collection, and then greenlets die later (docs/decisions.md).
        """
        if self.thread is not None and self.thread.ident is None:
            self.thread.start()

    def wait(self) -> None:
        """It holds no lock meanwhile that a greenlet could want which dies here:
        a queue of this kind has none.
        """
        self.baton.get(timeout=PATIENCE)

    def hand_over(self, other: Turn) -> None:
        """In one call, between whose parts no greenlet of this thread can die that
        the other one's collections find.
        """
        calls = partial(other.baton.put, None), partial(self.baton.get, timeout=PATIENCE)
        deque(map(partial.__call__, calls), maxlen=0)


class World:
    """What the source of a program sees: its names are the public methods
    and attributes of this object.
    """

    def __init__(self, greenlets: ModuleType, program: Program) -> None:
        self.GreenletExit = greenlets.GreenletExit
        self.Error = Error
        self.sys = sys
        self.generators: list[Any] = []
        self._greenlets = greenlets
        self._keeps = program.keeps
        self._collects = program.collects
        self._events: list[str] = []
        self._slots: list[Any] = [None] * SLOTS
        self._made: list[Callable[[], Any]] = []
        self._var: contextvars.ContextVar[int] = contextvars.ContextVar("var")
        self._held: contextvars.ContextVar[Any] = contextvars.ContextVar("held")

        names = {name: getattr(self, name) for name in dir(self) if not name.startswith("_")}
        exec(_compiled(source(program)), names)
        for number, code in enumerate(program.generators):  # one without code is not in the source
            self.generators.append(names[f"generator{number}"]() if code else (None for _ in ()))
        self._turns = [
            Turn(["main", "main2"][n], names[f"main{n}"]) for n in range(len(program.mains))
        ]

    # ------------------------------------------------------------------------------- running it all

    def run(self) -> list[str]:
        assert sys.exc_info()[1] is None
        with self._surroundings(), frozen() if self._collects else nullcontext():
            for turn in self._turns[1:]:
                turn.thread = threading.Thread(target=self._run_thread, args=[turn])
            self._run_thread(self._turns[0])
            for turn in self._turns[1:]:
                assert turn.thread is not None
                turn.thread.join()
                turn.thread = (
                    None  # no collection is to find it, for threading wants to hear of its death
                )
            self._slots.clear()
            self._made.clear()
        return self._events

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        hook, stderr = sys.unraisablehook, sys.stderr
        sys.unraisablehook, sys.stderr = self._unraisable, _Stderr(self, stderr)
        sys.meta_path.insert(0, _imports)
        try:
            yield
        finally:
            sys.meta_path.remove(_imports)
            sys.unraisablehook, sys.stderr = hook, stderr

    def _run_thread(self, turn: Turn) -> None:
        if turn.thread is not None:
            turn.wait()
        self._greenlets.getcurrent().name = turn.name
        contextvars.Context().run(self._run_main, turn)
        self._greenlets.settrace(None)
        turn.ended = True
        self._pass_on(turn)

    def _run_main(self, turn: Turn) -> None:
        try:
            turn.main()
        except BaseException as exception:
            self.caught(exception)
        while self._alive() or self._idle():
            try:
                if self._alive():
                    self.got(self._alive()[0].throw())
                else:
                    self.came(next(self._idle()[0], "its end"))
            except BaseException as exception:
                self.caught(exception)

    def _alive(self) -> list[Any]:
        main = self._greenlets.getcurrent()
        return [g for g in self._all() if g and self._root(g) is main]

    def _all(self) -> list[Any]:
        """Of a greenlet that lives on after a collection has found it there
        is no weak reference any more.
        """
        if self._collects and not self._keeps:
            mine = filter(self._is_mine, gc.get_objects())
            return sorted(mine, key=lambda greenlet: int(greenlet.name[1:]))
        return [g for made in self._made if (g := made()) is not None]

    def _is_mine(self, each: Any) -> bool:
        return (
            isinstance(each, self._greenlets.greenlet) and getattr(each, "world", None) is self._var
        )

    def _idle(self) -> list[Any]:
        return [
            each
            for each in self.generators
            if inspect.getgeneratorstate(each) in ("GEN_CREATED", "GEN_SUSPENDED")
        ]

    # --------------------------------------------------------------------------------------- events

    def event(self, *what: Any) -> None:
        current = self._greenlets.getcurrent()
        self._events.append(" ".join(map(str, [current.name, *what])))

    def begins(self, args: Any, kwargs: Any) -> None:
        self.event("begins", _show(args), _show(kwargs))

    def got(self, value: Any) -> None:
        self.event("got", _show(value))

    def came(self, value: Any) -> None:
        self.event("came to", value)

    def caught(self, exception: BaseException) -> None:
        self.event("caught", _chain(exception))

    def handled(self) -> None:
        self.event("handles", _chain(sys.exc_info()[1]))

    def _unraisable(self, what: Any) -> None:
        self.event("cannot raise", _chain(what.exc_value))

    # ------------------------------------------------------------------------------------ greenlets
    # No frame of these may hold a greenlet while others run: it would own it.

    def at(self, who: Any) -> Any:
        current = self._greenlets.getcurrent()
        if who == "main":
            return self._root(current)
        found = (
            current.parent if who == "parent" else current if who == "current" else self._slots[who]
        )
        return current if found is None else found

    def _root(self, greenlet: Any) -> Any:
        while greenlet.parent is not None:
            greenlet = greenlet.parent
        return greenlet

    def make(self, slot: int, run: Any, parent: Any, kind: str) -> None:
        while self._slots[slot] is not None and len(self._made) < LIMIT:
            self.drop(slot)
        if len(self._made) < LIMIT:
            self._slots[slot] = self._new(run, parent, kind)

    def _new(self, run: Any, parent: Any, kind: str) -> Any:
        greenlet = self._greenlets.greenlet
        given = {} if parent is None else {"parent": self.at(parent)}
        if run is None:
            new = greenlet(**given)
        elif kind == "subclass":
            new = type("Sub", (greenlet,), {"run": staticmethod(run)})(**given)
        else:
            new = greenlet(RUNS[kind](run) if kind in RUNS else run, **given)
        if kind == "context":
            new.gr_context = contextvars.copy_context()
        kept = self._keeps or run is None  # then the AttributeError that it may raise refers to it
        self._made.append((lambda: new) if kept else weakref.ref(new))
        new.name = f"g{len(self._made)}"
        new.world = self._var
        return new

    def set_run(self, who: Any, run: Any) -> None:
        try:
            self.at(who).run = run
        except AttributeError as refused:
            self.event(type(refused).__name__)

    def reparent(self, who: Any, parent: Any) -> None:
        try:
            if self._could_strand(self.at(who), self.at(parent)):
                self.event("does not try")
            else:
                self.at(who).parent = self.at(parent)
        except (AttributeError, ValueError) as refused:
            self.event(type(refused).__name__)

    def _could_strand(self, child: Any, parent: Any) -> bool:
        return not child and not child.dead and self._root(child) is not self._root(parent)

    def drop(self, slot: int) -> None:
        self._slots[slot] = None

    def keep(self, slot: int, who: Any) -> None:
        while self._slots[slot] is not None:
            self.drop(slot)
        self._slots[slot] = self.at(who)

    def look(self, who: Any) -> None:
        self.event(*self._look(self.at(who)))

    def _look(self, greenlet: Any) -> Sequence[Any]:
        return greenlet.name, bool(greenlet), greenlet.dead, getattr(greenlet.parent, "name", None)

    def trace(self, what: str) -> None:
        self._greenlets.settrace(
            {"off": None, "on": self._tracer, "failing": self._failing_tracer}[what]
        )

    def _tracer(self, event: str, pair: Any) -> None:
        self.event("traces", event, pair[0].name, pair[1].name)

    def _failing_tracer(self, event: str, pair: Any) -> None:
        self._tracer(event, pair)
        del pair  # the exception refers to this frame
        raise Error(0)

    # --------------------------------------------------------------- context, calls from C, threads

    def set(self, value: int) -> None:
        self._var.set(value)

    def get(self) -> None:
        self.event("has", self._var.get(None))

    def call(self, via: str, depth: int, called: Callable[[], Any]) -> None:
        """Calls it by way of C code, `depth` times over."""
        again = called if depth <= 1 else partial(self.call, via, depth - 1, called)
        if via in _CALLERS:
            _CALLERS[via](again)
        else:
            getattr(self, f"_call_by_{via}")(again)

    def _call_by_constructor(self, called: Callable[[], Any]) -> None:
        """Of an exception that is thrown into a greenlet which cannot take it."""
        raised: list[BaseException] = []

        class Made(Exception):
            def __init__(self) -> None:
                try:
                    called()
                except BaseException as exception:
                    raised.append(exception.with_traceback(None))

        with suppress(AttributeError):
            self._greenlets.greenlet(parent=self.at("main")).throw(Made)
        if raised:
            _raise_as_it_is(raised.pop())

    def _call_by_traceback(self, called: Callable[[], Any]) -> None:
        """By what the former traceback of a thrown exception holds."""

        def fail(held: Any) -> None:
            raise Error

        try:
            fail(_LastCaller(called))
        except Error as exception:
            thrown = [exception]
        with suppress(AttributeError):
            self._greenlets.greenlet(parent=self.at("main")).throw(thrown.pop(), None, None)

    def _call_by_tracer(self, called: Callable[[], Any]) -> None:
        """Of a switch from a greenlet to itself. A tracer that raises is removed."""
        settrace = self._greenlets.settrace
        before = self._greenlets.gettrace()
        raised: list[BaseException] = []

        def tracer(event: str, pair: Any) -> None:
            settrace(before)
            del pair
            try:
                called()
            except BaseException as exception:
                raised.append(exception.with_traceback(None))

        settrace(tracer)
        self._greenlets.getcurrent().switch()
        if raised:
            _raise_as_it_is(raised.pop())

    # ------------------------------------------------------------------------- frames own greenlets
    # Each takes what is to be held out of a box, so that nothing else holds it,
    # and lets it go in the end: a traceback may refer to the frame for longer.

    def hold(self, via: str, who: Any, called: Callable[[], Any]) -> None:
        getattr(self, f"_hold_by_{via}")([self.at(who)], called)

    def _hold_by_local(self, box: list[Any], called: Callable[[], Any]) -> None:
        held = box.pop()
        try:
            called()
        finally:
            del held

    def _hold_by_cell(self, box: list[Any], called: Callable[[], Any]) -> None:
        held = box.pop()

        def inner() -> Any:
            return held  # noqa: F821 - it is deleted below

        try:
            called()
        finally:
            del held

    def _hold_by_default(self, box: list[Any], called: Callable[[], Any]) -> None:
        def inner(held: Any = box.pop()) -> None:  # noqa: B008
            pass

        try:
            called()
        finally:
            del inner

    def _hold_by_method(self, box: list[Any], called: Callable[[], Any]) -> None:
        method = Worker(box.pop()).__call__
        try:
            called()
        finally:
            del method

    def _hold_by_greenlet(self, box: list[Any], called: Callable[[], Any]) -> None:
        other = self._greenlets.greenlet(partial(print, box.pop()), self.at("main"))
        try:
            called()
        finally:
            del other

    def _hold_by_exception(self, box: list[Any], called: Callable[[], Any]) -> None:
        exception = _raised_over(box)
        try:
            called()
        finally:
            del exception

    def _hold_by_variable(self, box: list[Any], called: Callable[[], Any]) -> None:
        context = contextvars.Context()
        context.run(self._held.set, box.pop())
        try:
            called()
        finally:
            del context

    def _hold_by_dict(self, box: list[Any], called: Callable[[], Any]) -> None:
        exec(_HOLDING, {"box": box, "called": called}, {})

    def _hold_by_generator(self, box: list[Any], called: Callable[[], Any]) -> None:
        generator = _suspended(box)
        next(generator)
        try:
            called()
        finally:
            generator.close()

    def _hold_by_running(self, box: list[Any], called: Callable[[], Any]) -> None:
        for _ in _running(box, partial(called)):
            pass

    def _hold_by_coroutine(self, box: list[Any], called: Callable[[], Any]) -> None:
        with suppress(StopIteration):
            _coroutine(box, partial(called)).send(None)

    def _hold_by_asyncgen(self, box: list[Any], called: Callable[[], Any]) -> None:
        with suppress(StopAsyncIteration):
            _asyncgen(box, partial(called)).asend(None).send(None)

    def _hold_by_stack(self, box: list[Any], called: Callable[[], Any]) -> None:
        """In a call from C, with no handler of exceptions in this frame:
        otherwise it is seen everywhere.
        """
        called = partial(called)
        (box.pop(), called())

    def collect(self) -> None:
        """What was found dies when this thread resumes, or when it next uses greenlets."""
        gc.collect()
        self._greenlets.getcurrent()

    def abandon(self, slot: int) -> None:
        enabled = gc.isenabled()
        gc.disable()
        try:
            self.drop(slot)
            self.collect()
        finally:
            if enabled:
                gc.enable()

    # -------------------------------------------------------------------------------------- threads

    def hand_over(self) -> None:
        self.event("hands over")
        turn = [each for each in self._turns if each.thread in (None, threading.current_thread())][
            -1
        ]
        self._pass_on(turn, wait=True)
        self.event("is back")

    def _pass_on(self, turn: Turn, wait: bool = False) -> None:
        for other in self._turns:
            if other is not turn and not other.ended:
                other.begin()
                if not wait:
                    other.baton.put(None)
                    continue
                turn.hand_over(other)
                if other.ended and other.thread is not None:
                    other.thread.join()


@contextmanager
def under(condition: str | None, collects: bool = False) -> Iterator[None]:
    """Conditions that a program must not notice.

    If it collects, nothing else does, except by condition "gc".
    """
    if collects and condition != "gc":
        with gc_off(), under(condition):
            yield
    elif condition == "gc" and not hasattr(gc, "set_threshold"):  # PyPy
        with _run_in_parallel(_step):
            yield
    elif condition == "gc":
        with gc_threshold(1):
            yield
    elif condition == "threads":
        with _run_in_parallel(lambda: None):
            yield
    elif condition == "trace":
        with traced(_trace):
            yield
    else:
        yield


def _step() -> None:
    gc.collect_step()
    time.sleep(0.0002)  # otherwise the program gets no further than a bytecode or two between steps


@contextmanager
def _run_in_parallel(function: Callable[[], Any]) -> Iterator[None]:
    """A thread calls it all the time, and threads take turns between any two bytecodes."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            function()

    busy = threading.Thread(target=work)
    with switch_interval(1e-6):
        busy.start()
        try:
            yield
        finally:
            stop.set()
            busy.join()


CONDITIONS = ("gc", "threads", "trace")


def _trace(frame: FrameType, event: str, arg: Any) -> Any:
    return _trace


def _raised_over(box: list[Any]) -> BaseException | None:
    """An exception whose traceback leads to a frame that holds what is in the box."""

    def fail(held: Any) -> None:
        raise Error

    try:
        fail(box.pop())
    except Error as exception:
        return exception
    return None


def _suspended(box: list[Any]) -> Generator[None, None, None]:
    held = box.pop()
    yield
    del held


# On 3.11 to 3.13 the greenlet sees what these own only if they call from C what they call.


def _running(box: list[Any], called: Callable[[], Any]) -> Generator[None, None, None]:
    held = box.pop()
    try:
        called()
    finally:
        del held
    yield


async def _coroutine(box: list[Any], called: Callable[[], Any]) -> None:
    held = box.pop()
    try:
        called()
    finally:
        del held


async def _asyncgen(box: list[Any], called: Callable[[], Any]) -> AsyncGenerator[None, None]:
    held = box.pop()
    try:
        called()
    finally:
        del held
    for nothing in ():
        yield nothing


_HOLDING = compile(
    """
held = box.pop()
try:
    called()
finally:
    del held
""",
    "<holding>",
    "exec",
)


class _Caller:
    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def __eq__(self, other: object) -> bool:
        self.function()
        return True

    __hash__ = None  # type: ignore[assignment]

    class _Descriptor:
        def __get__(self, owner: Any, kind: Any = None) -> None:
            owner.function()

    attribute = _Descriptor()


class _LastCaller:
    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def __del__(self) -> None:
        self.function()


class _Imports(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules that call a function.

    Each has a name of its own, for an import takes a lock by name.
    """

    def __init__(self) -> None:
        self.functions: dict[str, Callable[[], Any]] = {}
        self.count = 0

    def importing(self, function: Callable[[], Any]) -> None:
        self.count += 1
        name = f"{__name__}_{self.count}"
        self.functions[name] = function
        try:
            __import__(name)
        finally:
            sys.modules.pop(name, None)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.machinery.ModuleSpec(name, self) if name in self.functions else None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self.functions.pop(module.__name__)()


_imports = _Imports()
_CALLERS: dict[str, Callable[[Callable[[], Any]], object]] = {
    "function": lambda called: called(),
    "sorted": lambda called: sorted([0], key=lambda _: called() or 0),
    "sub": lambda called: re.sub("x", lambda _: str(called()), "x"),
    "eq": lambda called: 0 in [_Caller(called)],
    "get": lambda called: _Caller(called).attribute,
    "import": _imports.importing,
    "del": _LastCaller,
    "context": lambda called: contextvars.copy_context().run(called),
}


def _raise_as_it_is(exception: BaseException) -> None:
    """What is being handled here does not become its context."""
    context = exception.__context__
    try:
        raise exception
    finally:
        exception.__context__ = context
        del exception


class _Stderr:
    """Hears of greenlets that GreenletExit did not kill."""

    def __init__(self, world: World, beyond: Any) -> None:
        self._world = world
        self._beyond = beyond
        self._quiet = 0

    def write(self, text: str) -> None:
        if text.startswith("GreenletExit did not kill"):
            self._quiet = 2  # what follows is the greenlet and the end of the line
            self._world.event("did not kill")
        elif self._quiet:
            self._quiet -= 1
        else:
            self._beyond.write(text)

    def flush(self) -> None:
        self._beyond.flush()


def _chain(exception: BaseException | None) -> str | None:
    """An exception, its context, the context's context ..."""
    chain = []
    while exception is not None:
        chain.append(_name(exception))
        exception = exception.__context__
    return " < ".join(chain) or None


def _name(exception: BaseException) -> str:
    return repr(exception) if isinstance(exception, Error) else type(exception).__name__


class _Name(str):
    __repr__ = str.__str__


def _show(value: Any) -> Any:
    """A value with its exceptions shown by their names."""
    if isinstance(value, BaseException):
        return _Name(_name(value))
    if isinstance(value, tuple):
        return tuple(map(_show, value))
    if isinstance(value, dict):
        return {key: _show(each) for key, each in value.items()}
    return value


if __name__ == "__main__":
    module = importlib.import_module(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(run_on(module, Program.from_json(line))), flush=True)
