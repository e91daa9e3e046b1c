"""The event streams of AWS: binary frames, each with header fields and a payload.

A frame is its length and its headers' length, four bytes each, a CRC-32 of those eight, the
headers, the payload, and a CRC-32 of all before (Smithy, "Amazon Event Stream specification").
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

MEDIA_TYPE: Final = "application/vnd.amazon.eventstream"
PRELUDE: Final = struct.Struct(">III")
CHECKSUM: Final = struct.Struct(">I")
SMALLEST: Final = PRELUDE.size + CHECKSUM.size
STRING: Final = 7
SIZED: Final = (6, STRING)
"""The types of header values that begin with their length: bytes, and text."""
FIXED: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""The sizes of all others: true, false, integers, a timestamp, a UUID."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a stream. Of the header fields only those are kept that are text."""

    headers: Mapping[str, str]
    payload: bytes
    sound: bool = True
    """Whether both checksums are right."""


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame; a name has at most 255 bytes, a value 65,535."""
    fields = b"".join(_field(name.encode(), value.encode()) for name, value in headers.items())
    sizes = struct.pack(">II", SMALLEST + len(fields) + len(payload), len(fields))
    frame = sizes + CHECKSUM.pack(zlib.crc32(sizes)) + fields + payload
    return frame + CHECKSUM.pack(zlib.crc32(frame))


def _field(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + struct.pack(">BH", STRING, len(value)) + value


def decode(body: bytes) -> tuple[Frame, ...]:
    """The frames of a stream, up to the first that is cut off or makes no sense."""
    return tuple(_frames(body))


def _frames(body: bytes) -> Iterator[Frame]:
    at = 0
    while len(body) - at >= SMALLEST:
        size, headers_size, checksum = PRELUDE.unpack_from(body, at)
        if not SMALLEST + headers_size <= size <= len(body) - at:
            return
        frame = body[at : at + size]
        split = PRELUDE.size + headers_size
        yield Frame(
            dict(_texts(frame[PRELUDE.size : split])),
            frame[split : -CHECKSUM.size],
            sound=checksum == zlib.crc32(frame[:8])
            and CHECKSUM.unpack(frame[-CHECKSUM.size :])[0] == zlib.crc32(frame[: -CHECKSUM.size]),
        )
        at += size


def _texts(fields: bytes) -> Iterator[tuple[str, str]]:
    """The header fields that are text, up to the first that is cut off or of no known type."""
    at = 0
    while at < len(fields):
        name_end = at + 1 + fields[at]
        kind = fields[name_end : name_end + 1]
        if not kind:
            return
        start = name_end + 1
        if kind[0] in SIZED:
            start += 2
            size = int.from_bytes(fields[start - 2 : start])
        elif kind[0] in FIXED:
            size = FIXED[kind[0]]
        else:
            return
        if start + size > len(fields):
            return
        if kind[0] == STRING:
            yield _text(fields[at + 1 : name_end]), _text(fields[start : start + size])
        at = start + size


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
