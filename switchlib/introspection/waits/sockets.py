"""What the file descriptors of a process are: /proc/PID/fd and /proc/PID/net."""

from __future__ import annotations

import ipaddress
import os
import re
import struct

SOCKET = re.compile(r"socket:\[(\d+)\]")
LISTENING = 0x0A  # TCP_LISTEN, as in the kernel's include/net/tcp_states.h


class Sockets:
    """Describes file descriptors, as they are when they are first asked for."""

    def __init__(self, pid: int) -> None:
        self._directory = f"/proc/{pid}"
        self._known: dict[int, str] = {}
        self._by_inode: dict[int, str] | None = None

    def is_socket(self, fd: int) -> bool:
        """Whether a file descriptor is a socket, as far as can be found out."""
        return self.describe(fd).startswith(("tcp", "udp", "unix", "socket"))

    def describe(self, fd: int) -> str:
        """A socket's own address and that of its peer, or "socket" if these are not known; of
        another file its path. "" if that cannot be found out.
        """
        if fd not in self._known:
            self._known[fd] = self._describe(fd)
        return self._known[fd]

    def _describe(self, fd: int) -> str:
        try:
            path = os.readlink(f"{self._directory}/fd/{fd}")
        except OSError:
            return ""
        found = SOCKET.fullmatch(path)
        if found is None:
            return path
        if self._by_inode is None:
            self._by_inode = self._read()
        return self._by_inode.get(int(found[1]), "socket")

    def _read(self) -> dict[int, str]:
        found = {}
        for protocol in ("tcp", "tcp6", "udp", "udp6"):
            for line in self._lines(protocol):
                fields = line.split()
                try:
                    own, peer = address(fields[1]), address(fields[2])
                    state, inode = int(fields[3], 16), int(fields[9])
                except (ValueError, IndexError):
                    continue
                text = f"{protocol[:3]} {own}"
                if state == LISTENING:
                    text += " listening"
                elif not peer.endswith(":0"):
                    text += f" to {peer}"
                found[inode] = text
        for line in self._lines("unix"):
            fields = line.split(None, 7)
            if len(fields) >= 7 and fields[6].isdigit():
                path = fields[7].strip() if len(fields) > 7 else ""
                found[int(fields[6])] = f"unix {path}".rstrip()
        return found

    def _lines(self, protocol: str) -> list[str]:
        try:
            with open(
                f"{self._directory}/net/{protocol}", encoding="utf-8", errors="replace"
            ) as file:
                return file.readlines()[1:]
        except OSError:
            return []


def address(text: str) -> str:
    """An address as in /proc/net/tcp, "0100007F:0050", in the usual form. Raises ValueError if it
    is none.
    """
    host, _, port = text.partition(":")
    words = [int(host[i : i + 8], 16) for i in range(0, len(host), 8)]
    found = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    shown = f"[{found}]" if found.version == 6 else str(found)
    return f"{shown}:{int(port, 16)}"
