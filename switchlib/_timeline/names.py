"""What the timeline calls greenlets and threads.

The recorder asks once for each, when it first runs. That may be in the middle of anything, so as
little as possible of the program is called.
"""

from __future__ import annotations

import _thread
import functools
import os
import sys
from types import BuiltinFunctionType, FunctionType, MethodType

from switchlib._mechanism import begun_run_of, is_main

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from switchlib._greenlet import greenlet

LIBRARIES = (
    *("-packages/gevent/", "-packages/eventlet/", "-packages/greenback/"),
    *("-packages/sqlalchemy/util/", f"{os.path.dirname(os.path.dirname(__file__))}/"),
)
"""A greenlet's place is its innermost frame whose file has none of these in its path."""

NO_LOOP, LOOP, LOOP_THAT_SLEEPS = range(3)

# Classes whose names say nothing: greenlet's, gevent's, eventlet's, SQLAlchemy's.
_USUAL = ("greenlet", "Greenlet", "GreenThread", "_AsyncIoGreenlet")

_type_name = type.__dict__["__name__"].__get__  # a metaclass may have a property of that name


def name_of_greenlet(
    each: greenlet, arguments: tuple[Any, ...] = (), given_run: object = None
) -> tuple[str, int]:
    """What a greenlet is called, and what kind of an event loop it is.

    The name consists of that which it was given, its class if that is not a usual one, and its run
    function.
    """
    if is_main(each):
        return "main", LOOP if _runs_asyncio() else NO_LOOP
    cls = _type_name(type(each))
    run = given_run or _run_of(each, arguments)
    given = _attributes(each).get("name")
    parts = [
        given if type(given) is str else "",
        "" if cls in _USUAL else cls,
        name_of_callable(run),
    ]
    return " ".join(filter(None, parts)) or cls, _loop_of(each, run)


def _runs_asyncio() -> bool:
    """Whether an event loop of asyncio runs in this thread, in its main greenlet."""
    events = sys.modules.get("asyncio.events")
    return events is not None and events._get_running_loop() is not None


def _loop_of(each: greenlet, run: object) -> int:
    """Whether it is the greenlet of an event loop: gevent's, eventlet's or Playwright's."""
    if ("gevent.hub", "Hub") in [(cls.__module__, _type_name(cls)) for cls in type(each).__mro__]:
        return LOOP
    if type(run) is MethodType and type(run.__self__).__module__.startswith("eventlet.hubs"):
        return LOOP_THAT_SLEEPS
    return LOOP if type(each).__module__.startswith("playwright.") else NO_LOOP


def name_of_thread(ident: int) -> str:
    """The name of a thread of `threading`; that of another is its number."""
    thread = getattr(sys.modules.get("threading"), "_active", {}).get(ident)
    name = _attributes(thread).get("_name")
    if thread is None and _thread.get_native_id() == os.getpid():
        return "MainThread"  # of a program without `threading`
    return name if type(name) is str else f"thread {ident}"


def name_of_callable(run: object) -> str:
    """Its __qualname__, without calling anything of the program; "" if it has none."""
    for _ in range(10):
        if isinstance(run, functools.partial):
            run = run.func
        elif type(run) is MethodType:
            run = run.__func__
    if type(run) in (FunctionType, BuiltinFunctionType):
        return run.__qualname__  # type: ignore[attr-defined,no-any-return]
    if isinstance(run, type):
        return str(_type_name(run))
    return "" if run is None else str(_type_name(type(run)))


def _run_of(each: greenlet, arguments: tuple[Any, ...]) -> object:
    """What a greenlet calls: with gevent and eventlet, what the program gave to spawn."""
    bases = {cls.__module__.partition(".")[0]: cls for cls in reversed(type(each).__mro__)}
    if "gevent" in bases:
        # Its `run` calls `_run`, which the program sets or a subclass has.
        return _attributes(each).get("_run") or getattr(type(each), "_run", None)
    if "eventlet" in bases and arguments:
        return arguments[0]  # its `run` is GreenThread.main(function, args, kwargs)
    return begun_run_of(each)


def _attributes(of: object) -> dict[str, Any]:
    try:
        found = object.__getattribute__(of, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}
