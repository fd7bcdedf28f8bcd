"""Every test runs with the shortcuts on and off, and must leave no stack slice behind.

On PyPy slices cannot be seen.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from switchlib import _mechanism, greenlet

pytest_plugins = ["tests.frozen"]

PYPY = sys.implementation.name == "pypy"
if PYPY:
    # Frames of compiled loops hold what they are done with,
    # and tests could not foretell what a collection finds. Programs that tests start are compiled.
    import pypyjit

    pypyjit.set_param("off")

hypothesis.settings.register_profile(
    "quick",
    max_examples=200,
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,
        *(
            [hypothesis.HealthCheck.too_slow] if PYPY else []
        ),  # without its compiler it takes long to draw a program
    ],
)
hypothesis.settings.register_profile(
    "deep", hypothesis.settings.get_profile("quick"), max_examples=100_000
)
hypothesis.settings.load_profile("quick")


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("cpython")
    if PYPY and marker is not None:
        pytest.skip(f"not on PyPy: {marker.args[0]}")
    marker = item.get_closest_marker("native")
    if "SWITCHLIB_EMULATOR" in os.environ and marker is not None:  # set by tools/cpus.py
        pytest.skip(f"not under {os.environ['SWITCHLIB_EMULATOR']}: {marker.args[0]}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("once") is None:
        metafunc.parametrize("shortcuts", [True, False], ids=["shortcuts", "policy"], indirect=True)


@pytest.fixture(autouse=True)
def shortcuts(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the mechanism may answer without asking the policy."""
    chosen: bool = getattr(request, "param", True)
    before = _mechanism.shortcuts(chosen)
    yield chosen
    _mechanism.shortcuts(before)


def let_die() -> None:
    """After this, suspended greenlets without references are dead:
    PyPy kills them when it collects them.
    """
    if PYPY:
        for _ in range(2):  # one that has a __del__ of its own is found twice
            gc.collect()
            _mechanism.getcurrent()


def _live() -> dict[str, int]:
    """What there is of greenlets.

    The main greenlet keeps a buffer for later, which does not count.
    """
    found = {"main greenlets": _mechanism.count_main_greenlets()}
    if not PYPY:
        from switchlib import _switch

        kept = _mechanism.slice_of(_mechanism.getcurrent())[4]
        counts = _switch.lib.stack_counts
        found["slices in the heap"] = counts.buffers - (kept > 0)
        found["bytes of them"] = counts.bytes - kept
        found["greenlets, by what refers to the class"] = sys.getrefcount(greenlet)
        found["greenlets that wait to be killed"] = _mechanism.count_doomed()
    return found


@pytest.fixture(autouse=True, scope="session")
def _collected() -> None:
    """Before the first test; what each test leaves behind is collected after it."""
    _collect()


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    before = _live()
    yield
    _collect()
    if request.node.get_closest_marker("leaks") is None:
        assert _live() == before
    assert _mechanism.gettrace() is None


def _collect() -> None:
    """What the collector finds suspended is killed when greenlets are next used,
    and freed by another collection.
    """
    gc.collect()
    _mechanism.getcurrent()
    gc.collect()


Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python() -> Python:
    """Runs this Python with the arguments given, from a directory that is not ours;
    returns what it printed.
    """

    def run(
        *arguments: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
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
