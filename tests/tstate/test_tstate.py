"""csrc/tstate/: what of the interpreter's state belongs to a greenlet."""

from __future__ import annotations

import bdb
import contextvars
import cProfile
import gc
import pstats
import sys
import threading
import traceback
from pathlib import Path

import pytest

from switchlib import error, getcurrent, greenlet


def test_the_exception_being_handled_belongs_to_the_greenlet():
    main = getcurrent()

    def run():
        assert sys.exc_info() == (None, None, None)
        try:
            raise LookupError("inner")
        except LookupError:
            main.switch(sys.exc_info()[0])
            return sys.exc_info()[0]

    each = greenlet(run)
    try:
        raise ValueError("outer")
    except ValueError:
        assert each.switch() is LookupError
        assert sys.exc_info()[0] is ValueError
    assert sys.exc_info() == (None, None, None)
    assert each.switch() is LookupError


def test_raise_reraises_ones_own_exception():
    main = getcurrent()

    def run():
        try:
            raise LookupError("mine")
        except LookupError:
            main.switch()
            raise

    each = greenlet(run)
    each.switch()
    try:
        raise ValueError
    except ValueError:
        with pytest.raises(LookupError, match="mine") as caught:
            each.switch()
        assert caught.value.__context__ is None


variable = contextvars.ContextVar("variable", default="default")


def test_the_context_belongs_to_the_greenlet():
    variable.set("main's")
    main = getcurrent()

    def run():
        seen = [variable.get()]
        variable.set("inner")
        main.switch(seen)
        return variable.get()

    each = greenlet(run)
    assert each.gr_context is None
    assert each.switch() == ["default"]
    assert variable.get() == "main's"
    assert each.gr_context[variable] == "inner"
    assert each.switch() == "inner"

    shared = greenlet(variable.get)
    shared.gr_context = getcurrent().gr_context
    assert shared.gr_context is getcurrent().gr_context
    assert shared.switch() == "main's"


def test_a_context_can_be_set_in_any_state():
    main = getcurrent()
    context = contextvars.copy_context()
    context.run(variable.set, "set from outside")

    def run():
        main.switch()
        first = variable.get()
        getcurrent().gr_context = None
        return first, variable.get()

    each = greenlet(run)
    each.switch()
    each.gr_context = context
    assert each.switch() == ("set from outside", "default")
    each.gr_context = context
    assert each.gr_context is context
    with pytest.raises(TypeError, match=r"greenlet context must be a contextvars\.Context or None"):
        each.gr_context = 5
    with pytest.raises(AttributeError, match="can't delete context attribute"):
        del each.gr_context


def test_the_context_of_a_greenlet_that_runs_in_another_thread():
    main = getcurrent()
    raised = []

    def other():
        for attempt in (lambda: main.gr_context, lambda: setattr(main, "gr_context", None)):
            try:
                attempt()
            except ValueError as exception:
                raised.append(str(exception))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert raised == [
        "cannot get context of a greenlet that is running in a different thread",
        "cannot set context of a greenlet that is running in a different thread",
    ]


def depth() -> int:
    """How many more calls are allowed."""
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        call()

    with pytest.raises(RecursionError):
        call()
    return calls


def test_recursion_depth_belongs_to_the_greenlet():
    main = getcurrent()
    here = depth()

    def descend(levels):
        if levels:
            descend(levels - 1)
        else:
            main.switch()

    each = greenlet(descend)
    each.switch(100)
    assert abs(depth() - here) < 50
    each.switch()
    assert abs(depth() - here) < 50
    assert abs(greenlet(depth).switch() - here) < 50


@pytest.mark.cpython("its limit is one of bytes")
def test_a_recursion_limit_that_was_set_meanwhile_holds():
    main = getcurrent()
    here, limit = depth(), sys.getrecursionlimit()
    each = greenlet(lambda: main.switch() or depth())
    each.switch()
    sys.setrecursionlimit(limit + 300)
    try:
        assert abs(each.switch() - here - 300) < 50
    finally:
        sys.setrecursionlimit(limit)


def test_a_greenlet_starts_at_its_starters_depth():
    """It stands below it on the same C stack, so endless nesting must end before the stack does."""

    def run(levels):
        return greenlet(run).switch(levels + 1)

    with pytest.raises(RecursionError):
        run(0)


NESTED = """
import sys, threading
from switchlib import greenlet

def run(n):
    greenlet(run).switch(n + 1)

def main():
    sys.setrecursionlimit(20_000)
    try:
        run(0)
    except RecursionError:
        print("RecursionError")

threading.stack_size(256 << 20)
thread = threading.Thread(target=main)
thread.start()
thread.join()
"""


def test_twenty_thousand_nested_starts(python):
    assert python("-c", NESTED).stdout.strip() == "RecursionError"


@pytest.mark.cpython(
    "it follows the outermost frame of a suspended greenlet by its innermost, for ever"
)
def test_the_frames_of_a_suspended_greenlet():
    main = getcurrent()

    def inner(here):
        main.switch()
        return here

    def outer():
        inner("inner")

    each = greenlet(outer)
    each.switch()
    frame = each.gr_frame
    assert [f.f_code.co_name for f, _ in traceback.walk_stack(frame)] == ["inner", "outer"]
    assert frame.f_locals["here"] == "inner"
    assert frame.f_back.f_back is None
    each.switch()
    assert frame.f_back.f_code.co_name == "outer"
    assert frame.f_locals["here"] == "inner"


@pytest.mark.cpython(
    "it follows the outermost frame of a suspended greenlet by its innermost, for ever"
)
def test_frames_kept_by_others():
    main = getcurrent()
    kept = []

    def inner():
        kept.append(sys._getframe())
        main.switch()

    each = greenlet(lambda: inner())
    each.switch()
    for _ in range(3):
        gc.collect()
        assert [f.f_code.co_name for f, _ in traceback.walk_stack(kept[0])] == ["inner", "<lambda>"]
    each.switch()
    assert [f.f_code.co_name for f, _ in traceback.walk_stack(kept.pop())] == ["inner", "<lambda>"]


def test_calls_across_the_end_of_a_chunk():
    """Whatever the size of the frames, the data stack of a greenlet
    grows and shrinks as it should.
    """
    main = getcurrent()
    namespace = {}
    most = (
        5000 if sys.version_info >= (3, 11) else 2900
    )  # the first 3.10s compile none with a deeper stack
    for count in (0, 1, 7, 24, 60, 1000, most):
        names = ", ".join(f"v{i}" for i in range(count)) or "_"
        body = f"def f{count}(n, again):\n    {names} = {'0, ' * (max(count, 1) - 1)}0\n"
        exec(body + "    return again(n - 1, again) + 1 if n else main_switch()\n", namespace)
        namespace["main_switch"] = lambda: main.switch() or 0
        function = namespace[f"f{count}"]
        for levels in (0, 1, 2, 3, 10, 60, 150):
            each = greenlet(function)
            each.switch(levels, function)
            assert each.switch(0) == levels
            assert each.dead
    namespace.clear()


@pytest.mark.cpython("it has no data stack")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="there is no data stack before 3.11")
def test_greenlets_suspended_some_frames_deep_hold_no_mapped_chunk():
    """Each that did would touch a page of 4096 bytes of it at least."""
    import psutil

    main = getcurrent()

    def descend(left):
        if left:
            return descend(left - 1)
        return main.switch()

    each = [greenlet(descend) for _ in range(5000)]
    before = psutil.Process().memory_info().rss
    for one in each:
        one.switch(5)
    assert psutil.Process().memory_info().rss - before < 4096 * len(each)
    for one in each:
        one.switch()


def test_sys_settrace_sees_the_users_lines_only(shortcuts):
    main = getcurrent()
    calls = []

    def tracer(frame, event, argument):
        if event == "call":
            calls.append((frame.f_code.co_filename, frame.f_code.co_name))
        return tracer

    def run(value):
        value = main.switch(value)
        return helper(value)

    def helper(value):
        return value

    old = sys.gettrace()
    sys.settrace(tracer)
    try:
        each = greenlet(run)
        each.switch(1)
        each.switch(2)
        helper(3)
    finally:
        sys.settrace(old)
    assert calls == [(__file__, "run"), (__file__, "helper"), (__file__, "helper")]


def test_tracing_that_begins_while_a_greenlet_is_suspended():
    """The interpreter prepares the code of the frames that run then,
    and on 3.15 relies on it for exceptions.
    """
    main = getcurrent()
    events = []

    def tracer(frame, event, argument):
        events.append(event)
        return tracer

    def run():
        try:
            main.switch()
        except ValueError:
            value = 1
        return value

    each = greenlet(run)
    each.switch()
    old = sys.gettrace()
    sys.settrace(tracer)
    each.gr_frame.f_trace = tracer
    each.throw(ValueError)
    sys.settrace(old)
    # CPython 3.12 offers no way to prepare the code of other frames.
    lines = [] if sys.version_info[:2] == (3, 12) else ["line", "line", "line", "return"]
    assert events == ["exception", *lines]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with CPython 3.12")
def test_monitoring_that_begins_while_a_greenlet_is_suspended():
    main = getcurrent()
    monitoring = sys.monitoring
    raised = []

    def run():
        main.switch()

    each = greenlet(run)
    each.switch()
    monitoring.use_tool_id(monitoring.PROFILER_ID, "test")
    try:
        monitoring.register_callback(
            monitoring.PROFILER_ID,
            monitoring.events.RAISE,
            lambda code, *_: raised.append(code.co_name),
        )
        monitoring.set_events(monitoring.PROFILER_ID, monitoring.events.RAISE)
        with pytest.raises(ValueError):  # noqa: PT011
            each.throw(ValueError)
    finally:
        monitoring.set_events(monitoring.PROFILER_ID, 0)
        monitoring.free_tool_id(monitoring.PROFILER_ID)
    assert raised[0] == "run"


@pytest.mark.cpython("its profilers are not told of the call of a builtin here")
@pytest.mark.skipif(
    sys.version_info[:2] == (3, 12), reason="3.12 offers no way to prepare the code of other frames"
)
@pytest.mark.parametrize("opcodes", [False, True], ids=["", "opcodes traced"])
def test_events_that_are_turned_on_and_off_while_a_greenlet_is_suspended(opcodes):
    """The events that are on when it resumes are reported, also for frames that began before."""
    main = getcurrent()
    told = []

    def inner():
        main.switch()
        return max(1, 2)

    def run():
        while True:
            inner()

    def profiler(frame, event, argument):
        if frame.f_code.co_filename == __file__ and getcurrent() is each:
            told.append((event, frame.f_code.co_name))

    each = greenlet(run)
    each.switch()
    outermost = each.gr_frame.f_back
    outermost.f_trace_opcodes = opcodes
    for _ in range(3):
        each.switch()
        sys.setprofile(profiler)
        each.switch()
        sys.setprofile(None)
        ours = [event for event in told if event[1] != "switch"]
        told.clear()
        each.switch()
        assert told == []
        assert ours[:4] == [
            ("c_call", "inner"),
            ("c_return", "inner"),
            ("return", "inner"),
            ("call", "inner"),
        ]
    assert outermost.f_trace_opcodes == opcodes
    assert outermost.f_trace is None


def test_a_profile_shows_the_users_functions_only():
    main = getcurrent()

    def run():
        main.switch()

    profile = cProfile.Profile()
    profile.enable()
    each = greenlet(run)
    each.switch()
    each.switch()
    profile.disable()
    files = {file for file, _, _ in pstats.Stats(profile).stats}
    assert files == {__file__, "~"}


def test_tracebacks_hold_no_frame_of_policy():
    other = []
    thread = threading.Thread(target=lambda: other.append(getcurrent()))
    thread.start()
    thread.join()
    with pytest.raises(error) as caught:
        other.pop().switch()
    assert [str(entry.path) for entry in caught.traceback] == [__file__]
    each = greenlet()
    with pytest.raises(ValueError, match="cyclic") as caught:
        each.parent = each
    assert [str(entry.path) for entry in caught.traceback] == [__file__]


@pytest.mark.cpython(
    "it follows the outermost frame of the running greenlet by the main greenlet's"
)
def test_a_frame_looked_at_in_policy_is_not_there():
    main = getcurrent()

    def run():
        names = [f.f_code.co_name for f, _ in traceback.walk_stack(sys._getframe())]
        main.switch(names)

    assert greenlet(run).switch() == ["run"]


DEBUGGED = """
from switchlib import getcurrent, greenlet
main = getcurrent()
def inner():
    main.switch()
    value = 5
    return value
each = greenlet(inner)
each.switch()
print(each.switch())
"""


@pytest.mark.cpython("its pdb steps into hidden functions")
def test_a_debugger_steps_through_the_users_lines_only(shortcuts, python, tmp_path):
    path = tmp_path / "debugged.py"
    path.write_text(DEBUGGED)
    commands = [
        argument
        for command in ["b 6", "c", "w", "n", "p value", "s", "s", "w", "c", "q"]
        for argument in ("-c", command)
    ]
    done = python("-m", "pdb", *commands, str(path), SWITCHLIB_SHORTCUTS=str(int(shortcuts)))
    shown = [
        line.strip() for line in done.stdout.splitlines() if line.startswith(("> ", "-> ", "  /"))
    ]
    library = str(
        Path(bdb.__file__).parent
    )  # of Python, which may lie in a directory with our name
    assert not any("switchlib" in line.replace(library, "") for line in shown)
    assert f"> {path}(6)inner()" in shown
    assert f"> {path}(10)<module>()" in shown or "--Return--" in done.stdout
    assert "\n5\n" in done.stdout
