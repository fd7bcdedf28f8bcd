"""The mappings of a process: /proc/PID/maps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mapping:
    """A stretch of addresses, and what is mapped there."""

    start: int
    stop: int
    permissions: str  # as in maps, such as "rw-p"
    offset: int  # in the file, in bytes
    path: str  # "" if there is no file; also a name such as "[heap]"

    @property
    def is_writable(self) -> bool:
        """Whether the process may write there."""
        return self.permissions[1:2] == "w"

    @property
    def is_private_and_writable(self) -> bool:
        """Whether it may, and no other process sees that."""
        return self.permissions.startswith("rw") and self.permissions.endswith("p")


def parse(lines: Iterable[str]) -> list[Mapping]:
    """The mappings in the text of a maps file, by rising address."""
    found = []
    for line in filter(None, lines):
        addresses, permissions, offset, _, _, *path = line.split(None, 5)
        start, _, stop = addresses.partition("-")
        found.append(
            Mapping(
                int(start, 16),
                int(stop, 16),
                permissions,
                int(offset, 16),
                path[0] if path else "",
            )
        )
    return found
