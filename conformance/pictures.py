"""Pictures of one colour, made here so that everybody knows what is to be seen on them."""

from __future__ import annotations

import base64
import struct
import zlib


def solid_png(red: int, green: int, blue: int, side: int = 32) -> str:
    """A square PNG of one colour (PNG specification) as a ``data:`` URL (RFC 2397).

    ``side`` is in pixels; the eyes of some models see nothing smaller than 28.
    """

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    rows = (b"\0" + bytes((red, green, blue)) * side) * side
    # Level 0 gives the same bytes with every version of zlib.
    pixels = zlib.compress(rows, 0)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)
    return "data:image/png;base64," + base64.b64encode(data + chunk(b"IEND", b"")).decode()
