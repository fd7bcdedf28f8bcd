"""A client of the Debug Adapter Protocol: it sends requests, and waits for responses and events."""

from __future__ import annotations

import json
import socket
import time
from types import TracebackType
from typing import Any

SECONDS = 30

Message = dict[str, Any]


class Client:
    """Is connected to an adapter that listens on a port of the loopback interface."""

    def __init__(self, port: int) -> None:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.stream = self.socket.makefile("rb")
        self.sequence = 0
        self.events: list[Message] = []
        """Those that nobody has waited for yet."""

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stream.close()
        self.socket.close()

    def send(self, command: str, **arguments: Any) -> int:
        """Sends a request; returns its number."""
        self.sequence += 1
        message = {
            "seq": self.sequence,
            "type": "request",
            "command": command,
            "arguments": arguments,
        }
        content = json.dumps(message).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        return self.sequence

    def receive(self) -> Message:
        """The next message. Raises EOFError at the end."""
        length = 0
        while line := self.stream.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            raise EOFError("the adapter has closed the connection")
        message: Message = json.loads(self.stream.read(length))
        return message

    def response(self, number: int) -> Message:
        """The body of the response to a request. Raises ValueError if it says that it failed."""
        while True:
            message = self.receive()
            if message["type"] == "event":
                self.events.append(message)
            elif message.get("request_seq") == number:
                if not message["success"]:
                    raise ValueError(message.get("message", "the request failed"))
                body: Message = message.get("body") or {}
                return body

    def request(self, command: str, **arguments: Any) -> Message:
        """Sends a request; returns the body of the response."""
        return self.response(self.send(command, **arguments))

    def event(self, name: str) -> Message:
        """The body of the next event of that name."""
        while True:
            for place, message in enumerate(self.events):
                if message["event"] == name:
                    del self.events[place]
                    body: Message = message.get("body") or {}
                    return body
            message = self.receive()
            if message["type"] == "event":
                self.events.append(message)
