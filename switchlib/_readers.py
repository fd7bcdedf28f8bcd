"""Lets `python -m switchlib ps` and the like read this process where Linux forbids it."""

from __future__ import annotations

import errno
import os
import sys

PR_SET_PTRACER = 0x59616D61  # "Yama"
ANY = 2**64 - 1


def allow_readers(allow: bool = True) -> None:
    """Lets processes of the same user, such as `python -m switchlib ps`, read this one; or with
    False no longer lets them.

    Where /proc/sys/kernel/yama/ptrace_scope is 1, as on Ubuntu, only ancestors of a process may
    read it otherwise. Elsewhere this changes nothing. It holds for this process and not for
    those that it forks. SWITCHLIB_ALLOW_READERS=1 in the environment does the same at import.

    Raises OSError if the kernel refuses.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    if prctl(PR_SET_PTRACER, ANY if allow else 0, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        if number != errno.EINVAL:  # there is no Yama
            raise OSError(number, os.strerror(number))
