"""The functions that add and remove watchers; the mechanism calls these."""

from __future__ import annotations

from switchlib._mechanism import replace_watchers, watchers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from switchlib._mechanism import GreenletEvent

_BITS = {"create": 1, "start": 2, "switch": 4, "throw": 8, "end": 16}


def add_watcher(
    watcher: Callable[[GreenletEvent], object],
    *names: Literal["create", "start", "switch", "throw", "end"],
) -> None:
    """Call `watcher(event)` for what happens to greenlets, in all threads.

    With names, it is called only for events of these names, otherwise for all. A watcher that is
    there already gets these names instead of those that it had. It is called in the greenlet in
    which the event happens: in the one that makes another, in the one that is switched to, in the
    one that ends.

    While a watcher runs, its thread cannot switch (`error` is raised), and no watcher is called for
    what it does in that thread. A watcher that raises an exception is removed; the exception goes
    to sys.unraisablehook, and does not reach the program. Raises TypeError if `watcher` cannot be
    called, ValueError if there is no event of a name.
    """
    if not callable(watcher):
        raise TypeError(f"a watcher must be callable, not {type(watcher).__name__}")
    unknown = [name for name in names if name not in _BITS]
    if unknown:
        raise ValueError(f"no event is called {unknown[0]!r}: they are {', '.join(_BITS)}")
    mask = 0
    for name in names or _BITS:
        mask |= _BITS[name]
    # Another thread may change the watchers at any time, also what `==` calls.
    while True:
        before = watchers()
        others = tuple(pair for pair in before if pair[0] != watcher)
        if replace_watchers(before, (*others, (watcher, mask))):
            return


def remove_watcher(watcher: Callable[[GreenletEvent], object]) -> None:
    """Stop calling a watcher. Raises ValueError if it is not there, or not any more."""
    while True:
        before = watchers()
        others = tuple(pair for pair in before if pair[0] != watcher)
        if len(others) == len(before):
            raise ValueError("this watcher is not there")
        if replace_watchers(before, others):
            return
