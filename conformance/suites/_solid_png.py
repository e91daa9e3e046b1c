"""The colour of a PNG picture that has but one (PNG specification, third edition).

The picture is hostile: only a small one is unpacked, and never more of it than its size tells.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator
from typing import Final

LARGEST: Final = 512
"""Pixels of a side."""
CHANNELS: Final = {2: 3, 6: 4}
"""Bytes of a pixel by colour type: RGB and RGBA, eight bits each."""
NEAR: Final = 45
"""How far a value may be from the pure colour's, of 255."""
NAMES: Final = {
    (255, 0, 0): ("red", "scarlet", "crimson"),
    (0, 255, 0): ("green", "lime"),
    (0, 128, 0): ("green",),
    (0, 0, 255): ("blue",),
    (255, 255, 0): ("yellow",),
    (0, 0, 0): ("black",),
    (255, 255, 255): ("white",),
}
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_NONE, _SUB, _UP, _PAETH = 0, 1, 2, 4


def colour(encoded: str) -> tuple[str, ...]:
    """The names of the one plain colour of a PNG in base64; empty for any other picture."""
    try:
        pixel = _only_pixel(base64.b64decode(encoded[: 4 * LARGEST * LARGEST], validate=True))
    except (binascii.Error, ValueError, struct.error, zlib.error, KeyError):
        return ()
    near = (
        names
        for pure, names in NAMES.items()
        if pixel and all(abs(a - b) <= NEAR for a, b in zip(pixel, pure, strict=False))
    )
    return next(near, ())


def _only_pixel(data: bytes) -> bytes:
    """The pixel that all of a picture is made of; empty if there are others."""
    if not data.startswith(_SIGNATURE):
        return b""
    chunks = list(_chunks(data))
    header = next((body for kind, body in chunks if kind == b"IHDR"), b"")
    width, height, depth, colour_type, _, _, interlaced = struct.unpack(">IIBBBBB", header[:13])
    if not 0 < width <= LARGEST or not 0 < height <= LARGEST or depth != 8 or interlaced:  # noqa: PLR2004  # 8 bits
        return b""
    channels = CHANNELS[colour_type]
    length = 1 + width * channels
    packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
    rows = zlib.decompressobj().decompress(packed, length * height)
    pixel = rows[1 : 1 + channels]
    lines = [rows[at : at + length] for at in range(0, length * height, length)]
    alike = all(_repeats(line, pixel, width, first=i == 0) for i, line in enumerate(lines))
    return pixel if alike else b""


def _repeats(line: bytes, pixel: bytes, width: int, *, first: bool) -> bool:
    """Whether a filtered line (section 9) is this pixel all along, like the line before it."""
    blank = bytes(len(pixel))
    each = {_NONE: pixel * width, _SUB: pixel + blank * (width - 1), _UP: blank * width}
    each[_PAETH] = each[_SUB] if first else each[_UP]
    if first:
        each[_UP] = each[_NONE]
    return bool(line) and line[1:] == each.get(line[0])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length
