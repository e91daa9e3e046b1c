"""The eyes of the pretend model: what colour a PNG picture has (W3C PNG specification).

Pictures of the other formats that OpenAI takes are known by how they begin, and not looked into.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.reference.errors import invalid

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DEPTH = 8
CHANNELS = {2: 3, 6: 4}
"""Bytes per pixel of the colour types this reads: RGB and RGBA, eight bits each."""
COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "orange": (255, 140, 0),
    "purple": (128, 0, 128),
    "cyan": (0, 255, 255),
}
OTHERS = re.compile(rb"\xff\xd8\xff|GIF8[79]a|RIFF....WEBP", re.DOTALL)
"""How JPEG (ITU-T T.81), GIF (GIF89a) and WebP (RFC 9649) begin."""
SMALLEST = 24
"""Fewer bytes than these are no picture in any of those formats."""
UNKNOWN = "some colour I cannot tell"
TILE, LARGEST = 512, 2048
LOW_TOKENS, TILE_TOKENS = 85, 170


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as the model sees it: the name of its colour, and what it costs to look."""

    colour: str
    tokens: int


def look(url: str, detail: str) -> Image:
    """The picture in a ``data:`` URL (RFC 2397). Raises ApiError: nothing is ever downloaded."""
    if not url.startswith("data:"):
        raise invalid(f"Error while downloading {url[:200]}.", None, "invalid_image_url")
    found = re.fullmatch(r"data:image/[\w.+-]+;base64,([A-Za-z0-9+/=\s]*)", url)
    try:
        data = base64.b64decode(found[1], validate=False) if found else b""
        if OTHERS.match(data) and len(data) >= SMALLEST:
            return Image(UNKNOWN, LOW_TOKENS if detail == "low" else _tokens(TILE, TILE))
        width, height, pixel = _first_pixel(data)
    except (binascii.Error, zlib.error, struct.error, ValueError, KeyError):
        message = (
            "You uploaded an unsupported image. "
            "Please make sure your image has of one the following formats: "
            "['png', 'jpeg', 'gif', 'webp']."
        )
        raise invalid(message, None, "invalid_image_format") from None
    return Image(_name(pixel), LOW_TOKENS if detail == "low" else _tokens(width, height))


def _first_pixel(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and the first pixel; every row filter leaves that one as it is."""
    if not data.startswith(SIGNATURE):
        raise ValueError
    chunks = list(_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR":
        raise ValueError
    width, height, depth, colour_type = struct.unpack(">IIBB", chunks[0][1][:10])
    channels = CHANNELS[colour_type]
    pixels = b"".join(body for kind, body in chunks if kind == b"IDAT")
    row = zlib.decompressobj().decompress(pixels, 1 + channels)
    if depth != DEPTH or not width or not height or len(row) <= channels:
        raise ValueError
    return width, height, row[1:4]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(data[at + 4 : end]) != checksum:
            raise ValueError
        yield data[at + 4 : at + 8], data[at + 8 : end]
        at = end + 4


def _name(pixel: bytes) -> str:
    def distance(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(pixel, COLOURS[name], strict=True))

    return min(COLOURS, key=distance)


def _tokens(width: int, height: int) -> int:
    tiles = [-(-min(side, LARGEST) // TILE) for side in (width, height)]
    return LOW_TOKENS + TILE_TOKENS * tiles[0] * tiles[1]
