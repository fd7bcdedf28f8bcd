"""The policy: what greenlets mean.

The mechanism, which switches stacks, asks this class what to do.

Builtins take the place of its functions (see `adopt` at the end). When `g.switch(...)` is called,
the builtin runs the function here, hidden from trace functions and profilers. The function returns
a decision:

    (SWITCH, target, value)          target's own call of switch returns value
    (THROW, target, exception)       exception is raised in target
    (START, target, args, kwargs)    target's run is called with these on a new stack

The function's frame is gone before the decision is carried out, so it is never seen on a greenlet's
stack. Nothing may be changed on the way to a decision: the function may be interrupted, or its
decision may no longer hold when it returns, and then it is called again. No user code is called
here: the mechanism makes exceptions and looks up `run`, while no frame of the policy is on the
stack. Where this class leaves no choice, the mechanism does not ask: that is a shortcut.
"""

from __future__ import annotations

from switchlib import GreenletExit as _GreenletExit
from switchlib import _mechanism
from switchlib import error as _error
from switchlib._mechanism import (
    START,
    SWITCH,
    THROW,
    Base,
    is_main,
    load_context,
    main_of,
    parent_of,
    ready,
    run_of,
    running,
    state_of,
    store_context,
    store_parent,
    store_run,
)

TYPE_CHECKING = False  # as typing has it, which takes longer to import than all of switchlib
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Context
    from types import TracebackType
    from typing import Any, TypeAlias, TypeVar

    Decision: TypeAlias = tuple[Any, ...]
    _E = TypeVar("_E", bound=Exception)

_UNSET: Any = object()
_HAS_NOTES = hasattr(BaseException, "add_note")


class greenlet(Base):  # noqa: N801 - greenlet's name
    """A function with a stack of its own, which can be suspended and resumed at any point.

    greenlet(run=None, parent=None) makes one that has not begun. `run` is the function to call in
    it; it may be set later, or be a method of a subclass. When it ends, its parent is resumed: by
    default the greenlet that made this one. Raises TypeError if `parent` is not a greenlet.
    """

    __slots__ = ()

    def __init__(
        self, run: Callable[..., Any] | None = _UNSET, parent: greenlet | None = None
    ) -> None:
        if run is not _UNSET:
            _set_run(self, run)
        # If the parent is already set, and is running, there is nothing to check.
        if parent is not None and not (parent is parent_of(self) and parent is running()):
            _set_parent(self, parent)

    def switch(self, /, *args: Any, **kwargs: Any) -> Any:
        """Suspend the current greenlet and resume this one.

        If this greenlet has not begun, its run is called with the arguments. If it is suspended,
        its own call of switch returns them: a single argument as it is, several as a tuple,
        keyword arguments as a dict, both as a pair of tuple and dict. If it is dead, they go to
        its parent. The call returns when another greenlet switches back, with what that one
        passes; if that one throws an exception, the call raises it. Raises `error` if this
        greenlet belongs to another thread, AttributeError if it has no run, and MemoryError if
        there is no memory for the stack.
        """
        # The mechanism calls this only if there are keywords;
        # otherwise it calls `_switch_positional`.
        if ready(self):
            return SWITCH, self, (args, kwargs) if args else kwargs
        return _deliver(self, args, kwargs)

    def _switch_positional(self, first: Any = _UNSET, /, *others: Any) -> Any:
        """switch without keywords: an empty dict, and a tuple of one,
        would cost more than the rest.
        """
        if first is _UNSET:
            return (SWITCH, self, ()) if ready(self) else _deliver(self, (), {})
        if others or not ready(self):
            return _deliver(self, (first, *others), {})
        return SWITCH, self, first

    def throw(
        self,
        typ: type[BaseException] | BaseException = _GreenletExit,
        val: object = None,
        tb: TracebackType | None = None,
        /,
    ) -> Any:
        """Switch to this greenlet and raise an exception there.

        `typ` is an instance, or a class that is called with `val`; `tb` becomes its traceback. In a
        greenlet that has not begun the exception ends it at once. If this greenlet is dead the
        exception goes to its parent; GreenletExit arrives there as a value. Returns, and raises
        `error` and MemoryError, as switch does. Raises TypeError if the arguments are no exception.
        """
        # The mechanism passes an instance alone. Making it from the arguments runs user code, so
        # `make_exception` (csrc/mechanism/call.c) or `_make_exception` (_pypy.py) does it before.
        return _raise_in(self, typ)  # type: ignore[arg-type]

    def _end(self, result: Any, exception: BaseException | None, failures: int) -> Decision | None:
        """Decides where the outcome of this greenlet goes: its result,
        or the exception that ended it.

        It goes to the parent. If the parent failed to take it (it belongs to another thread, or has
        no run), the error that this raised goes to the next ancestor. `failures` counts those that
        failed. Returns None if no ancestor is left.
        """
        for heir in _lineage(parent_of(self)):
            if failures == 0:
                return (
                    _deliver(heir, (result,), {})
                    if exception is None
                    else _raise_in(heir, exception)
                )
            failures -= 1
        return None

    @property
    def run(self) -> Callable[..., Any]:
        """The function that is called when the greenlet begins; gone once it has.

        Reading it raises AttributeError if there is none. So does setting it after the start.
        """
        if is_main(self):
            raise AttributeError("Main greenlets do not have a run attribute.")
        return run_of(self)  # type: ignore[no-any-return]

    @run.setter
    def run(self, run: Callable[..., Any]) -> None:
        _set_run(self, run)

    @run.deleter
    def run(self) -> None:
        _set_run(self)

    @property
    def parent(self) -> greenlet | None:
        """The greenlet that is resumed when this one ends. None for a main greenlet.

        Setting it raises TypeError if the value is not a greenlet, ValueError if the parents would
        form a cycle or belong to another thread, and AttributeError for a main greenlet.
        """
        return parent_of(self)

    @parent.setter
    def parent(self, parent: greenlet) -> None:
        _set_parent(self, parent)

    @parent.deleter
    def parent(self) -> None:
        raise AttributeError("can't delete attribute")

    @property
    def gr_context(self) -> Context | None:
        """The contextvars.Context in which the greenlet runs; None if it has none yet.

        It can be set. Raises TypeError if the value is neither a Context nor None, and ValueError
        if the greenlet is running in another thread.
        """
        return load_context(self)

    @gr_context.setter
    def gr_context(self, context: Context | None) -> None:
        store_context(self, context)

    @gr_context.deleter
    def gr_context(self) -> None:
        raise AttributeError("can't delete context attribute")

    def __repr__(self) -> str:
        name = "greenlet.greenlet" if type(self) is greenlet else type(self).__name__
        main = main_of(self)
        thread = f"<{name} object at {id(self):#x} (otid={0 if main is None else id(main):#x})"
        state = state_of(self)
        if state == "dead":
            return f"{thread} {'(thread exited) ' if main is None else ''}dead>"
        if state == "unstarted":
            return f"{thread} pending>"
        here = " current" if self is running() else " suspended"
        return f"{thread}{here} active started{' main' if is_main(self) else ''}>"

    def __getstate__(self) -> Any:
        name = "greenlet.greenlet" if type(self) is greenlet else type(self).__name__
        raise TypeError(f"cannot serialize '{name}' object")

    # greenlet also has these as attributes of the type, and programs read them there.
    GreenletExit = _GreenletExit
    error = _error
    getcurrent = staticmethod(_mechanism.getcurrent)
    gettrace = staticmethod(_mechanism.gettrace)
    settrace = staticmethod(_mechanism.settrace)


def _pack(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a call of switch returns if another greenlet switches back with these arguments."""
    if not kwargs:
        return args[0] if len(args) == 1 else args
    return (args, kwargs) if args else kwargs


def _deliver(target: greenlet, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Decision:
    """Arguments for target go to target or, if that is dead, to its nearest living ancestor."""
    live = _find_live(target)
    if state_of(live) == "unstarted":
        return START, live, args, kwargs
    return SWITCH, live, _pack(args, kwargs)


def _raise_in(target: greenlet, exception: BaseException) -> Decision:
    """An exception for target is raised in target or, if that is dead,
    in its nearest living ancestor.
    """
    if isinstance(exception, _GreenletExit) and state_of(target) == "dead":
        return _deliver(target, (exception,), {})  # as if target ended with it once more
    return THROW, _find_live(target), exception


def _find_live(target: greenlet) -> greenlet:
    """target or, if that is dead, its nearest living ancestor. It belongs to this thread."""
    _check_thread(target)
    if state_of(target) != "dead":
        return target
    for live in _lineage(target):
        if state_of(live) != "dead":
            _check_thread(live)
            return live
    raise _noted(_error("cannot switch to a garbage collected greenlet"), "of_lineage", target)


def _lineage(target: greenlet | None) -> Iterator[greenlet]:
    """target, its parent, the parent of that, and so on up to a main greenlet.

    No setter allows a cycle of parents. If there were one, the walk would still end. It remembers a
    greenlet that it has passed, replaces it by the present one after 1, 2, 4, 8 ... steps, and
    stops when it comes to it again (Brent 1980, "An improved Monte Carlo factorization algorithm").
    """
    passed, steps, limit = None, 0, 1
    while target is not None and target is not passed:
        yield target
        if steps == limit:
            passed, steps, limit = target, 0, limit * 2
        steps += 1
        target = parent_of(target)


def _check_thread(target: greenlet) -> None:
    """Raises `error` unless target, or its nearest ancestor that has started, is of this thread."""
    begun = target
    if state_of(target) == "unstarted":
        for begun in _lineage(target):
            if state_of(begun) != "unstarted":
                break
        else:
            error = _error("cannot switch to a garbage collected greenlet")
            raise _noted(error, "of_lineage", target)
    expected, current = main_of(begun), main_of(running())
    if expected is None:
        error = _error("cannot switch to a different thread (which happens to have exited)")
        raise _noted(error, "of_thread", target, begun)
    if expected is not current:
        error = _error(
            "Cannot switch to a different thread\n"
            f"\tCurrent:  {current!r}\n"
            f"\tExpected: {expected!r}"
        )
        raise _noted(error, "of_thread", target, begun)


def _noted(error: _E, kind: str, *greenlets: greenlet) -> _E:
    """The error with notes from switchlib/_notes.py, where exceptions can have notes."""
    if _HAS_NOTES:
        try:
            from switchlib import _notes

            _notes.add(error, getattr(_notes, kind)(*greenlets))
        except Exception:  # no memory, no stack left, or the interpreter ends: without more notes
            return error
    return error


def _set_run(target: greenlet, *run: Any) -> None:
    if not store_run(target, *run):
        if is_main(target):
            raise AttributeError("Main greenlets do not have a run attribute.")
        error = AttributeError("run cannot be set after the start of the greenlet")
        raise _noted(error, "of_greenlet", target)


def _set_parent(target: greenlet, parent: greenlet) -> None:
    if is_main(target):
        raise AttributeError("cannot set the parent of a main greenlet")
    above = parent_of(parent)
    root = parent if above is None else [*_lineage(above)][-1]
    if not is_main(root):
        raise _noted(ValueError("parent must not be garbage collected"), "of_root", parent, root)
    if state_of(target) != "unstarted" and main_of(target) is not main_of(root):
        error = ValueError("parent cannot be on a different thread")
        raise _noted(error, "of_parents_thread", target, root, parent)
    if not store_parent(target, parent):
        raise _noted(ValueError("cyclic parent chain"), "of_cycle", target, parent)


_mechanism.adopt(greenlet, _error, _GreenletExit)
_mechanism.store_module("switchlib")
