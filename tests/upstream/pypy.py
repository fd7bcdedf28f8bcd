"""Those of greenlet's own tests that need what PyPy has not, and are left out there:
test and reason.
"""

# ruff: noqa: E501

from __future__ import annotations

COUNTS = "it counts references, or wants things to die with the last one"
EXTENSION = "it needs a compiled module that uses greenlet's C API"
FRAMES = "the frames of a suspended greenlet go round, as in PyPy's own greenlet"
C_CALLS = "it wants the call of `switch` traced as one of C; it is Python here, and hidden"
THREAD_END = "nothing of a thread runs when it ends"
INTERPRETER_END = "PyPy runs no destructors at its end"
TRACKED = "it asks what CPython's collector tracks"
RESIDENT = "PyPy's collector gives memory back when it likes"

NOT_ON_PYPY = {
    "test_contextvars.py::ContextVarsTests::test_context_assignment_while_running": COUNTS,
    "test_cpp.py": EXTENSION,
    "test_extension_interface.py": EXTENSION,
    "test_greenlet.py::TestBrokenGreenlets::test_reentrant_switch_run_callable_has_del": COUNTS,
    "test_greenlet.py::TestGreenlet::test_can_access_f_back_of_suspended_greenlet": FRAMES,
    "test_greenlet.py::TestGreenlet::test_dealloc_catches_GreenletExit_throws_other": COUNTS,
    "test_greenlet.py::TestGreenlet::test_dealloc_switch_args_not_lost": COUNTS,
    "test_greenlet.py::TestGreenlet::test_frame": FRAMES,
    "test_greenlet.py::TestGreenlet::test_frames_always_exposed": FRAMES,
    "test_greenlet.py::TestGreenlet::test_get_stack_with_nested_c_calls": EXTENSION,
    "test_greenlet.py::TestGreenlet::test_implicit_parent_with_threads": (
        "it asks for the thresholds of CPython's collector"
    ),
    "test_greenlet.py::TestGreenlet::test_instance_dict": (
        "PyPy lets any instance's `__dict__` be deleted"
    ),
    "test_greenlet.py::TestGreenlet::test_issue_245_reference_counting_subclass_no_threads": COUNTS,
    "test_greenlet.py::TestGreenlet::test_issue_245_reference_counting_subclass_threads": COUNTS,
    "test_greenlet.py::TestGreenlet::test_parent_restored_on_kill": COUNTS,
    "test_greenlet.py::TestGreenlet::test_throw_to_dead_thread_doesnt_crash": (
        "the frames of an ended thread cannot be seen"
    ),
    "test_greenlet.py::TestGreenlet::test_two_recursive_children": COUNTS,
    "test_greenlet_trash.py::TestTrashCanReEnter::test_it": "PyPy has no trash can",
    "test_interpreter_shutdown.py::TestInterpreterShutdown::test_api_getcurrent_no_system_error_at_module_gc_time": EXTENSION,
    "test_interpreter_shutdown.py::TestInterpreterShutdown::test_finally_block_during_thread_exit": THREAD_END,
    "test_interpreter_shutdown.py::TestInterpreterShutdown::test_getcurrent_returns_none_during_gc_finalization": INTERPRETER_END,
    "test_interpreter_shutdown.py::TestInterpreterShutdown::test_getcurrent_returns_none_during_gc_finalization_cross_thread": INTERPRETER_END,
    "test_interpreter_shutdown.py::TestInterpreterShutdown::test_getcurrent_returns_none_during_gc_finalization_with_active_greenlets": INTERPRETER_END,
    "test_interpreter_shutdown.py::TestInterpreterShutdown::test_greenlet_cleanup_during_thread_exit": THREAD_END,
    "test_interpreter_shutdown.py::TestInterpreterShutdown::test_switch_no_error_at_module_gc_time": EXTENSION,
    "test_leaks.py::TestLeaks::test_arg_refs": COUNTS,
    "test_leaks.py::TestLeaks::test_issue251_issue252_explicit_reference_not_collectable": TRACKED,
    "test_leaks.py::TestLeaks::test_issue251_issue252_need_to_collect_in_background": TRACKED,
    "test_leaks.py::TestLeaks::test_issue251_issue252_need_to_collect_in_background_cleanup_disabled": TRACKED,
    "test_leaks.py::TestLeaks::test_issue251_killing_cross_thread_leaks_list": TRACKED,
    "test_leaks.py::TestLeaks::test_issue251_with_cleanup_disabled": TRACKED,
    "test_leaks.py::TestLeaks::test_kwarg_refs": COUNTS,
    "test_leaks.py::TestLeaks::test_untracked_memory_doesnt_increase": RESIDENT,
    "test_leaks.py::TestLeaks::test_untracked_memory_doesnt_increase_unfinished_thread_dealloc_in_main": RESIDENT,
    "test_leaks.py::TestLeaks::test_untracked_memory_doesnt_increase_unfinished_thread_dealloc_in_thread": RESIDENT,
    "test_stack_saved.py::Test::test_stack_saved": "the bytes saved are not visible on PyPy",
    "test_tracing.py::TestPythonTracing::test_trace_events_into_greenlet_func_already_set": C_CALLS,
    "test_tracing.py::TestPythonTracing::test_trace_events_into_greenlet_subclass_already_set": C_CALLS,
    "test_tracing.py::TestPythonTracing::test_trace_events_multiple_greenlets_switching": C_CALLS,
    "test_tracing.py::TestPythonTracing::test_trace_events_multiple_greenlets_switching_siblings": C_CALLS,
    "test_weakref.py::WeakRefTests::test_dealloc_weakref": COUNTS,
}
