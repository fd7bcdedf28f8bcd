"""The mechanism on PyPy: what switchlib/_mechanism.py declares, over `_continuation.continulet`.

Each section mirrors the file of csrc/mechanism/ whose name it has, in the order of
csrc/mechanism.h, the lowest first. The functions that only answer questions (module.c) are in
switchlib/_pypy_module.py. Some files have no counterpart: PyPy owns the memory of objects
(object.c) and the stack on which its collector runs (collector.c), properties stay the policy's own
(properties.c), and there is no C API (capi.c).

PyPy's interpreter owns the C stack, and copies and sweeps its parts itself. So there are no slices
here. A greenlet has a stack that PyPy made, and leaving one for another is a single call, `_jump`.
All of this file and the policy are `hidden` code, which PyPy leaves out of tracebacks, frames,
traces and profiles.

Signal handlers and finalisers may run between any two bytecodes, and may switch. An end holds them
off until the target has arrived. A switch does not, since that would double its cost: before the
jump it changes nothing that could not be taken back. `thread.target` is set from just before the
jump until the target has arrived and has set `thread.current`. Code that finds it set must find out
which of the two is running (`_find_bearings`).

After a jump PyPy's compiler leaves the rest of the loop, or of the greenlet, to its slow
interpreter. So everything that can be done before the jump is done before it. The compiler does not
inline a function if a loop in it has gone round; in the common case no loop here does. And it gives
up on code that is longer than some thousand operations, where each bytecode makes several. A
greenlet from its start to its end just fits, with the start of another one in it.
"""

from __future__ import annotations

import _thread
import gc
import sys
import weakref
from collections import namedtuple
from types import FrameType, FunctionType, TracebackType

import __pypy__  # type: ignore[import-not-found]
from __pypy__.thread import _signals_enter, _signals_exit  # type: ignore[import-not-found]
from _continuation import continulet, permute  # type: ignore[import-not-found]

try:
    # PyPy's compiler does not look into a function that is called through it.
    from pypyjit import residual_call as _call  # type: ignore[import-not-found]
except ImportError:  # there is no compiler

    def _call(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from types import CodeType
    from typing import Any

SWITCH, THROW, START = range(3)

MANY_GUARDS = 1000  # that a thread keeps for later greenlets
MOST_INTERRUPTS = 100  # of the policy at one end; after that it is not asked

_new_stack = continulet.__new__
_init_stack = continulet.__init__
_jump = continulet.switch  # _jump(stack to be left, None, stack to continue)
_hold_finalizers = gc.disable_finalizers  # type: ignore[attr-defined]
_release_finalizers = gc.enable_finalizers  # type: ignore[attr-defined]
_load_context = __pypy__.get_contextvar_context
_store_context = __pypy__.set_contextvar_context


# ----------------------------------------------------------- exception.c: an exception as a payload


class Raise:
    """A payload that is raised where it arrives."""

    __slots__ = ("exception",)

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception


# ----------------------------------------- greenlet.c: the state of a greenlet, and its parent link


class State:
    """What a greenlet is beyond its object. `_state_of(greenlet)` gets it, see `Base`."""

    __slots__ = ("context", "guard", "parent", "run", "stack", "thread")

    def __init__(self, parent: Any) -> None:
        self.thread: Any = None  # set when it starts
        self.parent = parent
        self.run: tuple[Any, ...] = ()  # holds the run function, until the greenlet starts
        self.stack: Any = None  # from its start to its end
        self.guard: Any = None  # from its first suspension to its end
        self.context: Context | None = None  # while it does not run


def store_parent(each: Any, parent: Any) -> bool:
    state = _checked_state(each)
    for ancestor in Policy.lineage(parent):
        if ancestor is each:
            return False
    state.parent = parent
    return True


# ------------------------------------------------------------- thread.c: threads that use greenlets


class Thread:
    """A thread that has used greenlets."""

    __slots__ = (
        *("__weakref__", "current", "doomed", "ended", "gets_signals", "guards", "held", "ident"),
        *("main", "reporting", "silenced", "target", "tracer"),
    )

    def __init__(self) -> None:
        self.ident = _thread.get_ident()
        self.ended = False
        for other in _all_threads():
            other.ended |= other.ident == self.ident
        try:
            _signals_exit()
            _signals_enter()
            self.gets_signals = True
        except RuntimeError:
            self.gets_signals = False
        self.main: Any = object.__new__(Policy.greenlet)
        state = State(None)
        _set_state(self.main, state)
        state.thread = self
        # PyPy treats a stack that is not initialised as the thread's own.
        state.stack = _new_stack(Stack)
        state.stack.job = None
        state.guard = self  # any object but a Guard: it is never killed
        self.current: Any = self.main
        # The switch under way:
        self.target: Any = None
        self.held = False  # whether finalisers are held off, because the origin has ended
        self.silenced = False  # whether signal handlers are, too
        self.tracer: Any = None
        self.reporting = False  # whether a watcher runs
        self.guards: list[Guard] = []
        self.doomed: list[Any] = []  # greenlets that lost their last reference in another thread
        _threads.add(weakref.ref(self, _threads.discard))


# Not a WeakSet: iterating over one raises errors while other threads begin.
_threads: set[weakref.ref[Thread]] = set()
_here: Any = None  # a Here, from `adopt` on
_closing = False
_shortcuts = True


def _all_threads() -> list[Thread]:
    return [thread for each in list(_threads) if (thread := each()) is not None]


def _has_ended(thread: Thread) -> bool:
    if thread is not _here.thread and not thread.ended:
        thread.ended = thread.ident not in sys._current_frames()
    return thread.ended


# -------------------------------------------------------- hidden.c: policy and mechanism are hidden

_hidden: set[CodeType] = set()


def _hide(namespace: dict[str, Any]) -> None:
    """Hides the functions that a module defines, and those of its classes."""
    for each in namespace.values():
        for member in vars(each).values() if isinstance(each, type) else [each]:
            parts = (
                (member.fget, member.fset, member.fdel)
                if isinstance(member, property)
                else (member,)
            )
            for function in parts:
                function = getattr(function, "__func__", function)  # of a static method
                if isinstance(function, FunctionType) and function.__globals__ is namespace:
                    _hidden.add(__pypy__.hidden_applevel(function).__code__)


# ------------------------------------------------------ watch.c: calls of watchers (not of tracers)

CREATED, STARTED, SWITCHED, THROWN, ENDED = (1 << bit for bit in range(5))
_NAMES = {CREATED: "create", STARTED: "start", SWITCHED: "switch", THROWN: "throw", ENDED: "end"}

GreenletEvent = namedtuple(
    "GreenletEvent", "name greenlet origin run value exception", module="switchlib"
)

_watchers: tuple[tuple[Callable[[Any], object], int], ...] = ()
_watched = 0  # the events of all watchers
_watchers_lock = _thread.RLock()  # a signal handler may add one, too


def _store_watchers(watchers: Any) -> None:
    global _watchers, _watched
    _watchers, _watched = watchers, 0
    for _, events in watchers:
        _watched |= events


def _report(
    thread: Thread,
    event: int,
    greenlet: Any,
    origin: Any,
    run: Any = None,
    value: Any = None,
    exception: BaseException | None = None,
) -> None:
    """Calls the watchers of an event. One that raises an exception is removed."""
    if thread.reporting:
        return
    event_object = GreenletEvent(_NAMES[event], greenlet, origin, run, value, exception)
    thread.reporting = True
    try:
        for pair in _watchers:
            watcher, events = pair
            if not events & event or all(pair is not each for each in _watchers):
                continue
            try:
                watcher(event_object)
            except BaseException as raised:
                __pypy__.write_unraisable("in", raised, watcher)
                with _watchers_lock:
                    _store_watchers(tuple(each for each in _watchers if each is not pair))
    finally:
        thread.reporting = False


def _check_may_switch(thread: Thread) -> None:
    if thread.reporting:
        raise Policy.error("cannot switch while a watcher runs in this thread")


# ---------------------------------------------------------------- switch.c: a switch: leave, arrive


class Stack(continulet):  # type: ignore[misc]
    """A stack.

    While it runs, PyPy stores in it the frames and registers of the thread's own stack.
    """

    # What starts here: (thread, greenlet, run, args, kwargs, an exception to raise instead).
    __slots__ = ("job",)


def _leave(thread: Thread, target: Any, stack: Stack, payload: Any) -> Any:
    """Suspends the current greenlet and resumes the target, or starts it.

    Returns, or raises, what arrives when something switches back.
    """
    me = thread.current
    if target is me:
        return _deliver(thread, me, me, payload)
    state = _state_of(me)
    # `outer` is the target of another switch, if this is a signal handler that interrupted one.
    mine, outer = state.stack, thread.target
    try:
        if stack.job is not None:
            _begin(thread, target, stack)
        elif _state_of(target).stack is not stack:
            raise Policy.error("cannot switch to a greenlet that ends at this moment")
        if state.guard is None:
            state.guard = _call(_guard, thread, me)
        state.context = _load_context()
        thread.target = target
        payload = _jump(mine, payload, stack)
        origin = thread.current
        thread.current = me
        thread.target = outer
        _store_context(state.context)
    except BaseException:  # from a signal handler, or since there was no memory to leave
        thread.current = me
        thread.target = outer
        _store_context(state.context)
        if stack.job is not None:
            _take_back(target, stack)
        raise
    if thread.held:
        # Not by `_let_go`: a call may fail where little of the stack is left. Signal handlers come
        # last, since one that has waited may raise.
        thread.held = False
        silenced = thread.silenced
        _release_finalizers()
        if silenced:
            _signals_enter()
    if type(payload) is Raise or thread.tracer is not None or _watched:
        return _deliver(thread, origin, me, payload)
    return payload


def _deliver(thread: Thread, origin: Any, me: Any, payload: Any, *started: Any) -> Any:
    """What me's call of switch returns or raises. If `me` has started, its run is also given.

    If the tracer raises, it is removed, and that is raised.
    """
    if _watched:
        if type(payload) is Raise:
            if _watched & THROWN:
                _report(thread, THROWN, me, origin, exception=payload.exception)
        elif started:
            if _watched & STARTED:
                _report(thread, STARTED, me, origin, run=started[0])
        elif _watched & SWITCHED:
            _report(thread, SWITCHED, me, origin, value=payload)
    if thread.tracer is not None:
        try:
            thread.tracer("throw" if type(payload) is Raise else "switch", (origin, me))
        except BaseException:
            thread.tracer = None
            raise
    if type(payload) is Raise:
        context = payload.exception.__context__
        try:
            raise payload.exception
        finally:
            payload.exception.__context__ = context  # and not the exception that `me` is handling
    return payload


def _find_bearings(thread: Thread) -> None:
    """Corrects `thread.current` if a switch was interrupted.

    The frames below show which greenlet runs.

    If the jump has not taken place yet, the switch is still under way when this returns.
    """
    origin, target = thread.current, thread.target
    if target is None:  # a handler within a handler has done it
        return
    holder = target if origin is thread.main else origin
    seen = _frame_held_by(_state_of(holder).stack)
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame is not seen:
        frame = frame.f_back
    holder_runs = seen is not None and frame is not None
    if (holder is target) == holder_runs:
        thread.current = target
        thread.target = None
        _store_context(_state_of(target).context)


def _frame_held_by(stack: Any) -> FrameType | None:
    """The innermost visible frame that a stack holds: its greenlet's, or, if that runs,
    the thread's.

    PyPy's f_back skips hidden frames, and loops for ever if there are no others. The collector sees
    every frame.
    """
    bottom: FrameType = stack._get_frame()
    frame = bottom
    while True:
        for each in gc.get_referents(frame):  # a generator's code would not be hidden
            if isinstance(each, FrameType):
                frame = each
                break
        if frame is bottom:
            return None
        if frame.f_code not in _hidden:
            return frame


# ---------------------------------------------- kill.c: the end of greenlets that nothing refers to


class Guard:
    """Dies with a suspended greenlet that nothing refers to any more, and kills it.

    Only the greenlet refers to its guard. When the greenlet has ended,
    the guard serves another one, because PyPy is slow in making objects with a finaliser.
    """

    greenlet: Any = None

    def __del__(self) -> None:
        greenlet = self.greenlet
        if greenlet is None or _state_of(greenlet).guard is not self or _closing:
            return
        thread = _state_of(greenlet).thread
        if thread is _here.thread and not thread.reporting:
            _kill(_enter(), greenlet)
        elif not _has_ended(thread):
            thread.doomed.append(greenlet)


def _guard(thread: Thread, greenlet: Any) -> Guard:
    """A spare guard, or a new one.

    It is called through `_call`. If the compiler knew which of the two it was, it would give up on
    starts that take the other way.
    """
    try:
        guard = thread.guards.pop() if thread.guards else Guard()
    except IndexError:  # a signal handler took it
        guard = Guard()
    guard.greenlet = greenlet
    return guard


def _kill_doomed(thread: Thread) -> None:
    while thread.doomed:
        _kill(thread, thread.doomed.pop())


def _kill(thread: Thread, victim: Any) -> None:
    """Throws GreenletExit into a suspended greenlet. While it dies, the current one is its parent.

    An ancestor of the current greenlet is left alone: a finaliser has brought it back into use.
    """
    state = _state_of(victim)
    exit = Policy.GreenletExit("Killing the greenlet because all references have vanished.")
    if any(each is victim for each in Policy.lineage(thread.current)):
        return
    stack = state.stack
    if stack is None:
        return
    parent, state.parent = state.parent, thread.current
    state.guard = None  # if it lives on it gets another
    try:
        _leave(thread, victim, stack, Raise(exit))
    except BaseException as raised:
        __pypy__.write_unraisable("in", raised, victim)
    # If the old parent has become a child of the victim, this is refused, and the killer stays.
    store_parent(victim, parent)


# ---------------------------------------------------------------------------- enter.c: threads come


class Here(_thread._local):
    """What belongs to the running thread."""

    def __init__(self) -> None:
        self.thread = Thread()


def _enter() -> Thread:
    """The running thread. Sorts out an interrupted switch, and kills doomed greenlets."""
    thread: Thread = _here.thread
    if thread.target is not None:
        _find_bearings(thread)
    if thread.doomed and not thread.reporting:
        _kill_doomed(thread)
    return thread


# ------------------------------------ start.c: before a start: the target is checked and made ready


def _place(thread: Thread, target: Any, run: Any, decision: tuple[Any, ...]) -> Stack | None:
    """A stack on which target can start; or None if it can no longer start."""
    if _state_of(target).thread is not None or not _belongs_here(thread, target):
        return None
    kind, _, value, *rest = decision
    return _make_stack(
        (thread, target, run, value, *rest, None)
        if kind == START
        else (thread, target, run, (), {}, value)
    )


def _make_stack(job: tuple[Any, ...]) -> Stack:
    if __pypy__.stack_almost_full():
        raise RecursionError("maximum recursion depth exceeded")
    stack: Stack = _new_stack(Stack)
    stack.job = job
    _init_stack(stack, _serve)
    return stack


def _begin(thread: Thread, target: Any, stack: Stack) -> None:
    state = _state_of(target)
    if state.thread is not None:
        stack.job = None
        raise Policy.error("cannot start a greenlet that begins at this moment")
    state.thread = thread
    state.stack = stack
    state.run = ()


def _take_back(target: Any, stack: Stack) -> None:
    """Undoes a start that did not take place."""
    state = _state_of(target)
    if state.stack is stack:
        state.thread = state.stack = None
        state.run = stack.job[2:3]
        stack.job = None


def _belongs_here(thread: Thread, unstarted: Any) -> bool:
    """Whether the nearest ancestor that has started belongs to this thread."""
    for ancestor in Policy.lineage(_state_of(unstarted).parent):
        state = _state_of(ancestor)
        if state.thread is not None:
            return state.thread is thread
    return False


# ----------------------------------------------------- decision.c: decisions of the policy, checked


class Policy:
    """The policy class, its functions that the mechanism calls, and its exceptions: see `adopt`."""

    greenlet: Any = None
    switch: Any
    switch_positional: Any
    throw: Any
    end: Any
    lineage: Any
    error: type[Exception]
    GreenletExit: type[BaseException]


def _settle(thread: Thread, decision: tuple[Any, ...], dying: Any) -> tuple[Any, Stack, Any] | None:
    """The target, its stack and the payload; or None if the decision no longer holds."""
    kind, target, value = decision[:3]
    state = _state_of(target)
    stack = state.stack
    if state.thread is None and kind != SWITCH:
        run = target.run  # this may run anything
        stack = _place(thread, target, run, decision)
        return None if stack is None else (target, stack, None)
    if kind == START or state.thread is not thread or stack is None or target is dying:
        return None
    return target, stack, Raise(value) if kind == THROW else value


# ---------------------------------- life.c: what runs on a greenlet's own stack: begin, finish, end


def _serve(stack: Stack) -> Any:
    """What a stack runs: the greenlet of its job.

    What this returns arrives in the next greenlet.
    """
    thread, me, run, args, kwargs, exception = stack.job
    origin = result = None
    try:
        stack.job = None
        origin = thread.current
        thread.current = me
        thread.target = None
        _store_context(_state_of(me).context)
        if thread.held:
            thread.held = False
            silenced = thread.silenced
            _release_finalizers()
            if silenced:
                _signals_enter()
        if exception is not None:
            _deliver(thread, origin, me, Raise(exception))
        elif thread.tracer is not None or _watched:
            _deliver(thread, origin, me, None, run)
        result = run(*args, **kwargs)
    except BaseException as raised:
        exception = raised
    try:
        return _end(thread, me, result, exception)
    finally:  # what keeps a frame of run alive also keeps this one
        del thread, me, run, args, kwargs, exception, origin, result, stack


def _end(thread: Thread, me: Any, result: Any, exception: BaseException | None) -> Any:
    """Ends `me` as the policy decides, and returns what is to arrive in the heir.

    If something goes wrong, that becomes the outcome. `failures` counts the heirs, from the parent
    up, that failed to take it. If the parent changes, the count starts again.
    """
    state = _state_of(me)
    parent, failures, interrupts = state.parent, 0, 0
    is_reported = False
    while interrupts < MOST_INTERRUPTS:
        if exception is not None and isinstance(exception, Policy.GreenletExit):
            result, exception = exception, None  # GreenletExit is a way to return
            result.__traceback__ = None  # its frames would otherwise live on in the parent
        if state.parent is not parent:
            parent, failures = state.parent, 0
        decision = settled = None
        try:
            if _watched & ENDED and not is_reported:
                is_reported = True
                _report(thread, ENDED, me, None, value=result, exception=exception)
                parent = state.parent  # a watcher may have changed it
            if failures == 0 and _shortcuts:
                settled = _plain_end(thread, parent, result, exception)
            if settled is None:
                decision = Policy.end(me, result, exception, failures)
                if decision is None:
                    break
                settled = _settle(thread, decision, me)
            if settled is not None:
                heir, stack, payload = settled
                return _leave_for_good(thread, me, heir, stack, payload)
        except BaseException as raised:
            if settled is not None:
                _let_go(thread)
            if decision is not None or isinstance(raised, Policy.error):
                failures += 1
            else:
                interrupts += 1
            raised.__context__ = raised.__context__ or exception
            result, exception = None, raised
    # Without the policy: it was interrupted again and again, or could name no heir.
    heir = thread.main
    for each in Policy.lineage(state.parent):
        if _state_of(each).thread is thread and _state_of(each).stack is not None:
            heir = each
            break
    if exception is None:
        exception = Policy.error("a greenlet ended, and none of its parents could take over")
    return _leave_for_good(thread, me, heir, _state_of(heir).stack, Raise(exception))


def _plain_end(
    thread: Thread, parent: Any, result: Any, exception: BaseException | None
) -> tuple[Any, Stack, Any] | None:
    """The shortcut for an end whose parent is suspended."""
    state = _state_of(parent)
    stack = state.stack
    if state.thread is not thread or stack is None:
        return None
    return parent, stack, result if exception is None else Raise(exception)


def _leave_for_good(thread: Thread, me: Any, target: Any, stack: Stack, payload: Any) -> Any:
    """Prepares the end of the current greenlet: when `_serve` returns, the target gets the payload.

    No signal handler and no finaliser runs until the target has arrived: nothing could return here.
    """
    state = _state_of(me)
    silenced = thread.gets_signals
    if silenced:
        try:
            _signals_exit()
        except RuntimeError:  # this is a finaliser within another end, which has silenced them
            silenced = False
    _hold_finalizers()
    thread.silenced = silenced
    thread.held = True
    if stack.job is not None:
        _begin(thread, target, stack)
    guard = state.guard
    if guard is not None:
        state.guard = guard.greenlet = None
        if len(thread.guards) < MANY_GUARDS:
            thread.guards.append(guard)
    thread.target = target
    permute(state.stack, stack)
    state.stack = None
    state.context = _load_context()
    return payload


def _let_go(thread: Thread) -> None:
    """After an end that failed: a signal handler raised too early, or the heir could not start."""
    if thread.held:
        thread.held = False
        silenced = thread.silenced
        _release_finalizers()
        if silenced:
            _signals_enter()


# ----------------------------------------------------------------- call.c: the builtins that switch


def switch(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    thread = _enter()
    _check_may_switch(thread)
    settled = _plain_switch(thread, self, args) if _shortcuts and not kwargs else None
    while settled is None:
        ask = Policy.switch if kwargs else Policy.switch_positional
        settled = _settle(thread, ask(self, *args, **kwargs), None)
    target, stack, payload = settled
    return _leave(thread, target, stack, payload)


def throw(self: Any, typ: Any = ..., val: Any = None, tb: TracebackType | None = None, /) -> Any:
    if tb is not None and not isinstance(tb, TracebackType):
        raise TypeError("throw() third argument must be a traceback object")
    exception, raised = _make_exception(Policy.GreenletExit if typ is ... else typ, val)
    exception.__traceback__ = tb if raised is None else raised
    thread = _enter()
    _check_may_switch(thread)
    while True:
        settled = _settle(thread, Policy.throw(self, exception), None)
        if settled is not None:
            return _leave(thread, *settled)


def _plain_switch(
    thread: Thread, target: Any, args: tuple[Any, ...]
) -> tuple[Any, Stack, Any] | None:
    """The shortcut: if the policy has no choice, what it would decide, already settled."""
    state = _checked_state(target)
    stack = state.stack
    if stack is not None:
        if state.thread is thread and thread.current is not target:
            return target, stack, args[0] if len(args) == 1 else args
    elif (
        state.thread is None
        and state.run
        and type(target) is Policy.greenlet
        and _state_of(state.parent).thread is thread
    ):
        return target, _make_stack((thread, target, state.run[0], args, {}, None)), None
    return None


def _make_exception(typ: Any, val: Any) -> tuple[BaseException, TracebackType | None]:
    """The exception that throw(typ, val) raises, as an instance. This may run user code.

    If calling the class raises an exception, it is that one, with its traceback.
    """
    if isinstance(typ, BaseException):
        if val is not None:
            raise TypeError("instance exception may not have a separate value")
        return typ, None
    if not (isinstance(typ, type) and issubclass(typ, BaseException)):
        raise TypeError(f"exceptions must be classes, or instances, not {type(typ).__name__}")
    try:
        exception: BaseException = __pypy__.normalize_exc(typ, val)
    except BaseException as raised:
        return raised, raised.__traceback__
    return exception, None


# --------------------------------------------------------------------------------- type.c: the type


class Base:
    """The base of the policy class."""

    __slots__ = ("__dict__", "__weakref__", "_switchlib_state")

    _switchlib_state: State

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Base:
            raise TypeError("cannot create 'switchlib._mechanism.Base' instances")
        self = object.__new__(cls)
        thread = _enter()
        _set_state(self, State(thread.current))
        if _watched & CREATED:
            _report(thread, CREATED, self, thread.current)
        return self

    @property
    def dead(self) -> bool:
        """True if the greenlet has ended; it can never run again."""
        state = _state_of(self)
        return state.thread is not None and (state.stack is None or _has_ended(state.thread))

    @property
    def gr_frame(self) -> FrameType | None:
        """The innermost frame of a suspended greenlet; None if it is not suspended."""
        if state_of(self) != "suspended":
            return None
        state = _state_of(self)
        main = state.thread.main
        return _frame_held_by(
            state.stack if self is not main else _state_of(state.thread.current).stack
        )

    @property
    def _stack_saved(self) -> int:
        raise AttributeError("_stack_saved: the C stack is not visible on PyPy")

    def __bool__(self) -> bool:
        return state_of(self) in ("suspended", "current")


# The slot's own functions, so that a subclass's __getattribute__ cannot hide the state.
_state_of: Callable[[Any], State] = Base._switchlib_state.__get__  # type: ignore[attr-defined]
_set_state: Callable[[Any, State], None] = Base._switchlib_state.__set__  # type: ignore[attr-defined]


def _checked_state(each: Any) -> State:
    if not isinstance(each, Base):
        raise TypeError(
            f"GreenletChecker: Expected any type of greenlet, not {type(each).__name__}"
        )
    return _state_of(each)


def state_of(each: Any) -> str:
    state = _checked_state(each)
    thread = state.thread
    if thread is None:
        return "unstarted"
    if thread is not _here.thread and _has_ended(thread):
        return "dead"
    if thread.current is each:
        return "current"
    return "dead" if state.stack is None else "suspended"


# ------------------------------------------------ adopt.c: the policy class becomes the public type


def adopt(policy_class: type, error: type[Exception], exit: type[BaseException]) -> None:
    """See switchlib/_mechanism.py."""
    global _here
    if Policy.greenlet is not None or not issubclass(policy_class, Base):
        raise TypeError("adopt() takes one class, derived from Base, once")
    Policy.greenlet, Policy.error, Policy.GreenletExit = policy_class, error, exit
    functions = vars(policy_class)
    Policy.switch, Policy.throw = functions["switch"], functions["throw"]
    Policy.switch_positional, Policy.end = functions["_switch_positional"], functions["_end"]
    Policy.lineage = Policy.end.__globals__["_lineage"]
    _hide(Policy.end.__globals__)
    for function in (switch, throw):
        function.__doc__ = functions[function.__name__].__doc__
        function.__qualname__ = functions[function.__name__].__qualname__
        setattr(policy_class, function.__name__, function)
    del policy_class._switch_positional, policy_class._end  # type: ignore[attr-defined]
    _here = Here()


def store_module(name: str) -> None:
    Policy.greenlet.__module__ = name


_hide(globals())
