"""The functions of PyPy's mechanism that only answer questions: of the policy, the shim,
tests and users.

It mirrors csrc/mechanism/module.c. switchlib/_mechanism.py says what each function returns.
"""

from __future__ import annotations

import sys

from switchlib import _pypy
from switchlib._pypy import (
    _all_threads,
    _checked_state,
    _enter,
    _has_ended,
    _hide,
    _load_context,
    _store_context,
    state_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Context
    from types import CodeType
    from typing import Any, NoReturn


def fill(namespace: dict[str, Any]) -> None:
    """Puts into switchlib/_mechanism.py what that declares; some of it is in _pypy.py."""
    # Not globals(): in hidden code these are the caller's.
    found = vars(_pypy) | vars(sys.modules[__name__])
    names = ("Base", "GreenletEvent", *namespace["__annotations__"])
    namespace.update((name, found[name]) for name in names)


def close_down() -> None:
    """From now on greenlets without references are no longer killed."""
    _pypy._closing = True
    _pypy._store_watchers(())


def shortcuts(on: bool | None) -> bool:
    """See switchlib/_mechanism.py."""
    before = _pypy._shortcuts
    if on is not None:
        _pypy._shortcuts = on
    return before


def watchers() -> Any:
    return _pypy._watchers


def replace_watchers(before: Any, after: Any) -> bool:
    with _pypy._watchers_lock:
        if before is not _pypy._watchers:
            return False
        _pypy._store_watchers(after)
        return True


def getcurrent() -> Any:
    """Return the greenlet that calls this function."""
    return _enter().current


def gettrace() -> Any:
    """Return the function that traces switches of this thread, or None."""
    return _pypy._here.thread.tracer


def settrace(callback: Any, /) -> Any:
    """Trace the switches of this thread by callback(event, (origin, target)),
    event being 'switch' or 'throw'.

    It is called in the target. None ends tracing. An exception in the callback also ends it, and is
    raised in the target. Returns the previous callback, or None.
    """
    thread = _enter()
    before, thread.tracer = thread.tracer, callback
    return before


def running() -> Any:
    return _pypy._here.thread.current


def ready(each: Any) -> bool:
    state = _checked_state(each)
    thread = _pypy._here.thread
    return state.thread is thread and state.stack is not None and thread.current is not each


def parent_of(each: Any) -> Any:
    return _checked_state(each).parent


def main_of(each: Any) -> Any:
    thread = _checked_state(each).thread
    return None if thread is None or _has_ended(thread) else thread.main


def thread_ident(each: Any) -> int | None:
    thread = _checked_state(each).thread
    return None if thread is None else thread.ident


def begun_run_of(each: Any) -> Any:
    """After the start it is known to the stack alone, which cannot be looked into."""
    run = _checked_state(each).run
    return run[0] if run else None


def is_main(each: Any) -> bool:
    thread = _checked_state(each).thread
    return thread is not None and thread.main is each


def run_of(each: Any) -> Any:
    state = _checked_state(each)
    if not state.run or state.thread is not None:
        raise AttributeError("run")
    return state.run[0]


def store_run(each: Any, *run: Any) -> bool:
    state = _checked_state(each)
    if state.thread is not None:
        return False
    state.run = run
    return True


def load_context(each: Any) -> Context | None:
    state = _checked_state(each)
    if state_of(each) != "current":
        return state.context
    if state.thread is not _pypy._here.thread:
        raise ValueError("cannot get context of a greenlet that is running in a different thread")
    context: Context | None = _load_context()
    return context


def store_context(each: Any, context: Context | None) -> None:
    state = _checked_state(each)
    current = state_of(each) == "current"
    if current and state.thread is not _pypy._here.thread:
        raise ValueError("cannot set context of a greenlet that is running in a different thread")
    from contextvars import Context

    if context is not None and not isinstance(context, Context):
        raise TypeError("greenlet context must be a contextvars.Context or None")
    if current:
        _store_context(context)
    else:
        state.context = context


def slice_of(each: Any) -> Any:
    _checked_state(each)
    raise NotImplementedError("stack slices are not visible on PyPy")


def all_greenlets() -> list[Any]:
    """Return a list of all greenlets of all threads that have not been freed, main greenlets
    included, in any order. It takes as long as there are objects in the process.
    """
    import gc

    return [each for each in gc.get_objects() if isinstance(each, _pypy.Base)]


def stack_of(each: Any) -> list[tuple[CodeType, int]]:
    """The frames of a suspended greenlet form a circle. Those of a current one lead on to the
    frames of its thread's main greenlet.
    """
    state = _checked_state(each)
    first = end = frame = None
    if state_of(each) == "suspended":
        first = end = frame = _frame_of(each)
    elif state_of(each) == "current":
        frame = sys._current_frames().get(state.thread.ident)
        main = state.thread.main
        end = None if main is each else _frame_of(main)
    found: list[tuple[CodeType, int]] = []
    while frame is not None and (frame is not end or (frame is first and not found)):
        found.append((frame.f_code, -1 if frame.f_lineno is None else frame.f_lineno))
        frame = frame.f_back
    return found[::-1]


def dump_on_signal(signum: int, file: int) -> None:
    _no_handlers()


def stop_dump_on_signal(signum: int) -> bool:
    _no_handlers()


def dump_on_fatal_error(file: int) -> None:
    _no_handlers()


def stop_dump_on_fatal_error() -> bool:
    _no_handlers()


def _no_handlers() -> NoReturn:
    raise NotImplementedError("on PyPy no signal handler can see the stacks of greenlets")


def timeline_start(*arguments: Any) -> None:
    from switchlib._timeline import recorder

    recorder.start(*arguments)


def timeline_stop(counts_on: bool) -> dict[str, Any]:
    from switchlib._timeline import recorder

    return recorder.stop(counts_on)


def timeline_counts() -> tuple[int, int, int, int, int] | None:
    recorder = sys.modules.get("switchlib._timeline.recorder")
    return None if recorder is None else recorder.counts()


def mark(text: str, /) -> None:
    """Put a mark into the timeline, at this time and in the current greenlet. Does nothing if no
    timeline is being recorded. Raises TypeError if the text is not a str.
    """
    from switchlib._timeline import recorder

    recorder.mark(text)


def label(value: Any, text: str, /) -> Any:
    """Return the value. If the timeline shows a switch that passes this object, it shows the text,
    too. Some 1000 objects are remembered, and kept alive, while a timeline is being recorded.
    Raises TypeError if the text is not a str.
    """
    from switchlib._timeline import recorder

    return recorder.label(value, text)


def slow_start(milliseconds: float, file: int, progress_file: int) -> None:
    raise NotImplementedError("PyPy has no thread that could look at greenlets without its lock")


def slow_stop() -> bool:
    return False


def count_main_greenlets() -> int:
    return sum(not _has_ended(thread) for thread in _all_threads())


def count_doomed() -> int:
    return sum(len(thread.doomed) for thread in _all_threads())


def c_api() -> None:
    """There is no C API on PyPy."""


def set_thread_local(key: Any, value: Any) -> None:
    _pypy._here.__dict__[key] = value


def trash_nesting() -> int:
    raise NotImplementedError("PyPy has no trash can")


_frame_of = _pypy.Base.gr_frame.__get__  # a subclass may have another gr_frame

_hide(globals())
for _function in (all_greenlets, getcurrent, gettrace, label, mark, settrace):
    _function.__module__ = "switchlib"
