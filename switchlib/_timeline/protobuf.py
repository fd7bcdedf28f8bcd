"""The wire format of protobuf: what perfetto.py needs of it, and no more.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(number: int) -> bytes:
    """A number that is not negative, seven bits in a byte, the lowest first."""
    if number < 128:
        return bytes((number,))
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def number_field(field: int, number: int) -> bytes:
    """A field of a message that is a number, and not negative."""
    return varint(field << 3 | VARINT) + varint(number)


def fixed64_field(field: int, number: int) -> bytes:
    """A field that is a number of 64 bits, of a type whose name begins with `fixed`."""
    return varint(field << 3 | FIXED64) + pack("<Q", number)


def bytes_field(field: int, content: bytes) -> bytes:
    """A field that is bytes, or a message."""
    return varint(field << 3 | BYTES) + varint(len(content)) + content


def text_field(field: int, text: str) -> bytes:
    """A field that is a text. A surrogate in it becomes a question mark."""
    return bytes_field(field, text.encode("utf-8", "replace"))


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: number and value, in the order in which they are there.

    Raises ValueError if the message is cut off, or is no message.
    """
    at, end = 0, len(message)
    while at < end:
        key = message[at]
        at += 1
        if key > 127:
            key, at = _read_varint(message, at - 1)
        field, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, at = _read_varint(message, at)
            yield field, value
            continue
        if wire_type == BYTES:
            size, at = _read_varint(message, at)
        elif wire_type in (FIXED64, FIXED32):
            size = 8 if wire_type == FIXED64 else 4
        else:
            raise ValueError(f"there is no wire type {wire_type}")
        content = message[at : at + size]
        at += size
        if at > end:
            raise ValueError("the message is cut off")
        yield field, content if wire_type == BYTES else int.from_bytes(content, "little")


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a number is cut off, or too long")
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
