"""The colour of a picture is told from its bytes, whatever bytes they are."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.pictures import solid_png
from conformance.suites._solid_png import colour

SIDE = 4
HEADER = b"\x89PNG\r\n\x1a\n"


def png(rows: bytes, *, width: int = SIDE, height: int = SIDE, colour_type: int = 2) -> str:
    """A PNG of these filtered rows, in base64."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(HEADER + data).decode()


@pytest.mark.parametrize(
    ("pixel", "name"),
    [
        ((255, 0, 0), "red"),
        ((0, 160, 0), "green"),
        ((0, 255, 0), "green"),
        ((20, 10, 230), "blue"),
        ((255, 255, 0), "yellow"),
        ((0, 0, 0), "black"),
        ((255, 255, 255), "white"),
    ],
)
def test_a_plain_colour_has_its_name(pixel: tuple[int, int, int], name: str) -> None:
    assert name in colour(solid_png(*pixel).partition(",")[2])


@pytest.mark.parametrize("first", [0, 1, 2, 4])
@pytest.mark.parametrize("other", [0, 1, 2, 4])
def test_every_usual_filter_is_undone(first: int, other: int) -> None:
    red = b"\xff\0\0"
    along = {0: red * SIDE, 1: red + b"\0\0\0" * (SIDE - 1), 2: b"\0\0\0" * SIDE}
    top = {**along, 2: along[0], 4: along[1]}[first]
    below = {**along, 4: along[2]}[other]
    rows = bytes([first]) + top + (bytes([other]) + below) * (SIDE - 1)
    assert "red" in colour(png(rows))


def test_a_picture_of_two_colours_has_none() -> None:
    rows = b"".join(b"\0" + pixel * SIDE for pixel in (b"\xff\0\0", b"\0\0\xff") * 2)
    assert colour(png(rows)) == ()


def test_a_colour_between_two_names_has_none() -> None:
    assert colour(solid_png(130, 60, 200).partition(",")[2]) == ()


def test_a_picture_that_is_larger_than_it_says_is_not_unpacked() -> None:
    bomb = png(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    assert "black" in colour(bomb)


def test_a_huge_picture_is_not_looked_at() -> None:
    assert colour(png(b"\0" * 100, width=1_000_000, height=1_000_000)) == ()


@given(st.binary(max_size=80), st.booleans())
def test_no_bytes_break_it(data: bytes, signed: bool) -> None:  # noqa: FBT001  # hypothesis draws it
    encoded = base64.b64encode(HEADER + data if signed else data).decode()
    assert colour(encoded) == ()


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    assert colour(text) == ()


@given(st.integers(0, 200), st.integers(0, 255))
def test_no_damage_breaks_it(at: int, byte: int) -> None:
    data = bytearray(base64.b64decode(solid_png(255, 0, 0, side=4).partition(",")[2]))
    data[at % len(data)] = byte
    assert isinstance(colour(base64.b64encode(bytes(data)).decode()), tuple)
