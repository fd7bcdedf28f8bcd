"""Stacks of all greenlets that a signal handler in C writes, after a signal or a fatal error."""

from __future__ import annotations

import os
import signal
import sys
import warnings

from switchlib import _mechanism

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

# The handlers have the numbers of these, which must stay open.
_files: dict[int | str, IO[Any] | int] = {}
_FATAL = "fatal errors"


def dump_on_signal(signum: int, *, file: IO[Any] | int | None = None) -> None:
    """Write the stacks of all greenlets whenever the process receives a signal.

    This works while the program computes in C or waits for a lock, even if that lock is the GIL: a
    handler in C writes at once, in whatever thread the signal arrives. It takes the place of the
    handler that the signal has. `file` is a file object with a fileno(), or a file descriptor; None
    means sys.stderr. It must stay open. Raises ValueError if there is no such signal or if it is
    that of a fatal error, OSError if the system does not allow a handler for it, RuntimeError if
    sys.stderr is None, and NotImplementedError on PyPy.
    """
    _mechanism.dump_on_signal(signum, descriptor_of(file))
    _files[int(signum)] = sys.stderr if file is None else file


def stop_dump_on_signal(signum: int) -> bool:
    """Undo dump_on_signal, and put back the handler that the signal had.

    Returns whether there was something to undo. Raises what dump_on_signal raises.
    """
    undone = _mechanism.stop_dump_on_signal(signum)
    _files.pop(int(signum), None)
    return undone


def dump_on_fatal_error(file: IO[Any] | int | None = None) -> None:
    """Write the stacks of all greenlets when the process is about to end by SIGSEGV, SIGFPE,
    SIGABRT, SIGBUS or SIGILL.

    The signal is then passed on to the handler that it had, so faulthandler also writes what it
    knows, whichever of the two was enabled first. The overflow of a C stack is reported in the
    thread that calls this, and in threads that have a signal stack of their own. `file` is as in
    dump_on_signal. Raises OSError, RuntimeError and NotImplementedError as dump_on_signal does.
    """
    _mechanism.dump_on_fatal_error(descriptor_of(file))
    _files[_FATAL] = sys.stderr if file is None else file


def stop_dump_on_fatal_error() -> bool:
    """Undo dump_on_fatal_error. Returns whether there was something to undo.

    Raises NotImplementedError on PyPy.
    """
    undone = _mechanism.stop_dump_on_fatal_error()
    _files.pop(_FATAL, None)
    return undone


def descriptor_of(file: IO[Any] | int | None) -> int:
    """The file descriptor of what a function like dump_on_signal is given."""
    if file is None:
        file = sys.stderr
        if file is None:
            raise RuntimeError("unable to get sys.stderr")
    if isinstance(file, int):
        os.fstat(file)  # OSError if it is not open
        return file
    descriptor = file.fileno()
    file.flush()
    return descriptor


def dump_on_signal_of(name: str) -> None:
    """What SWITCHLIB_DUMP_SIGNAL asks for: the name of a signal, SIG may be left out.

    A program must not fail because of that, so an error is a warning.
    """
    full = name if name.startswith("SIG") else f"SIG{name}"
    signum = getattr(signal, full, None)
    try:
        if not isinstance(signum, signal.Signals):
            raise ValueError("there is no such signal")
        dump_on_signal(signum)
    except (ValueError, OSError, RuntimeError) as error:  # also NotImplementedError
        warnings.warn(f"SWITCHLIB_DUMP_SIGNAL={name}: {error}", RuntimeWarning, stacklevel=2)
