"""What is known of a wait."""

from __future__ import annotations

from dataclasses import dataclass

LATE = 0.05  # seconds: by so much any timer may be late


@dataclass(frozen=True)
class Wait:
    """Something that a greenlet waits for."""

    kind: str  # such as "lock"
    address: int = 0  # of the object; 0 if there is none
    detail: str = ""  # such as "to get", or a socket's addresses
    holder: int = 0  # the greenlet that will end the wait: the lock's owner, or the one joined
    exclusive: bool = False  # nothing but the holder can end the wait
    left: float | None = None  # seconds until it ends by itself; below 0: since it should have
    certain: bool = True

    @property
    def text(self) -> str:
        """The wait in words, without the holder."""
        address = f"{self.address:#x}" if self.address else ""
        text = " ".join(filter(None, (self.kind, address, self.detail)))
        if self.left is not None and self.left > -LATE:
            text += f", {seconds(self.left)} left"
        elif self.left is not None:
            text += f", {seconds(-self.left)} overdue"
        return text


def seconds(number: float) -> str:
    """A time in words, such as "2.5 s" or "1 h 20 min"."""
    number = max(number, 0.0)
    if number < 600:
        return f"{number:.1f} s"
    minutes = round(number / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours:,} h" if hours < 72 else f"{round(hours / 24):,} days"
