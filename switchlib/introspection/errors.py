"""What can go wrong when another process is looked at."""

from __future__ import annotations


class IntrospectionError(Exception):
    """The process or the core file cannot be looked at; the message says why, and what to do."""


class Unreadable(IntrospectionError):
    """There is no memory at an address, or it does not hold what it should."""

    def __init__(self, address: int, what: str = "memory that cannot be read") -> None:
        super().__init__(f"{what} at {address:#x}")
        self.address = address


class NotFound(IntrospectionError):
    """What was looked for is not there."""
