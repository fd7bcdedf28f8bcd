"""Every test runs with the shortcuts on and off, and must leave no stack slice behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from switchlib import _mechanism, _switch

hypothesis.settings.register_profile(
    "quick",
    max_examples=200,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("quick")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("once") is None:
        metafunc.fixturenames.append("shortcuts")
        metafunc.parametrize("shortcuts", [True, False], ids=["shortcuts", "policy"], indirect=True)


@pytest.fixture
def shortcuts(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the mechanism may answer without asking the policy."""
    before = _mechanism.shortcuts(request.param)
    yield request.param
    _mechanism.shortcuts(before)


def _live() -> tuple[int, int]:
    """The stack slices in the heap and the main greenlets there are. The main greenlet keeps a buffer for later."""
    kept = _mechanism.slice_of(_mechanism.getcurrent())[4] > 0
    return _switch.lib.stack_counts.buffers - kept, _mechanism.count_main_greenlets()


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    gc.collect()
    before = _live()
    yield
    gc.collect()
    if request.node.get_closest_marker("leaks") is None:
        assert _live() == before
    assert _mechanism.gettrace() is None


Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python() -> Python:
    """Runs this Python with the arguments given, from a directory that is not ours; returns what it printed."""

    def run(*arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            env=os.environ | environment,
            timeout=300,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run
