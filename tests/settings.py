"""Settings of the interpreter, for the time of a test."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

JIT = hasattr(sys, "_jit") and sys._jit.is_enabled()


@contextmanager
def gc_threshold(*generations: int) -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*generations)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def gc_off() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def switch_interval(seconds: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def traced(tracer: Callable[..., Any]) -> Iterator[None]:
    """By sys.settrace."""
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(before)
