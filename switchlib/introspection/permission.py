"""Why a process may not be read, and what to do about it."""

from __future__ import annotations

import errno
import os

from .errors import IntrospectionError
from .system import status

CAP_SYS_PTRACE = 19
PTRACE_SCOPE = "/proc/sys/kernel/yama/ptrace_scope"


def error(pid: int, number: int = errno.EPERM) -> IntrospectionError:
    """The error to raise when the kernel has refused to let this process read that one."""
    if number not in (errno.EPERM, errno.EACCES):
        return IntrospectionError(f"process {pid} cannot be read: {os.strerror(number)}")
    return IntrospectionError(f"process {pid} may not be read: {_reason(pid)}")


def _reason(pid: int) -> str:
    tracer = status(pid, "TracerPid")
    if tracer not in (None, "0"):
        return (
            f"process {tracer}, such as a debugger or strace, already traces it. "
            "End that first, or use --nonblocking."
        )
    uids = (status(pid, "Uid") or "").split()
    if uids and os.geteuid() not in (0, int(uids[1])):
        return f"it belongs to user {uids[1]}, and this one is {os.geteuid()}. Use sudo."
    if _different_namespace(pid):
        return (
            "it is in another container or user namespace. Run this command in there, or as root "
            "of the host."
        )
    scope = _ptrace_scope()
    if scope == "1" and os.geteuid() != 0:
        return (
            f"{PTRACE_SCOPE} is 1, so that only its ancestors may. Use sudo, or start it with "
            "SWITCHLIB_ALLOW_READERS=1, or let it call switchlib.allow_readers()."
        )
    if scope == "2" and os.geteuid() != 0:
        return f"{PTRACE_SCOPE} is 2, so that only root may. Use sudo."
    if scope == "3":
        return f"{PTRACE_SCOPE} is 3, so that no process may, until the machine is rebooted."
    if int(status(os.getpid(), "CapEff") or "0", 16) >> CAP_SYS_PTRACE & 1:
        return "a security module of the kernel forbids it, such as SELinux, or it is protected."
    if os.geteuid() == 0:
        return (
            "root lacks the capability CAP_SYS_PTRACE here, as in containers by default "
            "(docker run --cap-add=SYS_PTRACE)."
        )
    return (
        "it has changed its user, has more capabilities, or has made itself undumpable. Use sudo."
    )


def _ptrace_scope() -> str | None:
    try:
        with open(PTRACE_SCOPE, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None


def _different_namespace(pid: int) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")
    except OSError:
        return False
