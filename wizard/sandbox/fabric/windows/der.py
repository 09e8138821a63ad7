"""Just enough of DER for CredSSP and SPNEGO: one element after the other, nothing that recurses by itself."""

from __future__ import annotations

from collections.abc import Iterator

SEQUENCE, OCTETS, INTEGER, OID, ENUMERATED = 0x30, 0x04, 0x02, 0x06, 0x0A


class DerError(Exception):
    """What came is no DER of the expected form."""


def element(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def context(number: int, *contents: bytes) -> bytes:
    """An explicit [number]."""
    return element(0xA0 | number, *contents)


def integer(value: int) -> bytes:
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def size(data: bytes) -> int | None:
    """How many bytes the first element takes; None while its head is not complete."""
    if len(data) < 2:
        return None
    if data[1] < 0x80:
        return 2 + data[1]
    count = data[1] & 0x7F
    if not 1 <= count <= 4:
        raise DerError("a length of no known form")
    if len(data) < 2 + count:
        return None
    return 2 + count + int.from_bytes(data[2 : 2 + count], "big")


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and content of each element."""
    while data:
        whole = size(data)
        if whole is None or whole > len(data):
            raise DerError("an element is cut off")
        head = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
        yield data[0], data[head:whole]
        data = data[whole:]


def only(data: bytes, tag: int) -> bytes:
    """The content of the one element that `data` is."""
    found = list(elements(data))
    if len(found) != 1 or found[0][0] != tag:
        raise DerError(f"not the one element of tag {tag:#x}")
    return found[0][1]


def fields(data: bytes) -> dict[int, bytes]:
    """The explicit [n] of a sequence's content, by n."""
    return {tag & 0x1F: content for tag, content in elements(data) if tag & 0xE0 == 0xA0}
