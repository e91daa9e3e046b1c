"""The event streams of AWS: what we write is right, what is broken is read as far as it goes."""

from __future__ import annotations

import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from conformance.dialects.eventstream import Frame, decode, encode

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
frames = st.builds(Frame, st.dictionaries(texts, texts, max_size=4), st.binary(max_size=80))


def written(some: list[Frame]) -> list[bytes]:
    return [encode(frame.headers, frame.payload) for frame in some]


def test_an_empty_frame_is_that_of_the_specification() -> None:
    assert encode({}, b"").hex() == "000000100000000005c248eb7d98c8ff"


def test_a_frame_is_laid_out_as_specified() -> None:
    frame = encode({":event-type": "chunk"}, b"{}")
    assert struct.unpack(">II", frame[:8]) == (len(frame), 20)
    assert struct.unpack(">I", frame[8:12]) == (zlib.crc32(frame[:8]),)
    assert frame[12:32] == b"\x0b:event-type\x07\x00\x05chunk"
    assert frame[32:-4] == b"{}"
    assert struct.unpack(">I", frame[-4:]) == (zlib.crc32(frame[:-4]),)


@given(st.lists(frames, max_size=4))
def test_what_is_written_is_read(some: list[Frame]) -> None:
    assert decode(b"".join(written(some))) == tuple(some)


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_a_stream_that_is_cut_is_read_up_to_the_cut(some: list[Frame], data: st.DataObject) -> None:
    pieces = written(some)
    body = b"".join(pieces)
    cut = data.draw(st.integers(0, len(body) - 1))
    ends = [len(b"".join(pieces[: n + 1])) for n in range(len(pieces))]
    assert decode(body[:cut]) == tuple(some[: sum(end <= cut for end in ends)])


def test_a_wrong_checksum_is_noted_and_read_over() -> None:
    good = encode({":event-type": "chunk"}, b"{}")
    first, last = bytearray(good), bytearray(good)
    first[8] ^= 1
    last[-1] ^= 1
    read = decode(bytes(first + last) + good)
    assert [frame.payload for frame in read] == [b"{}"] * 3
    assert [frame.sound for frame in read] == [False, False, True]


def test_header_values_that_are_no_text_are_passed_over() -> None:
    others = (
        b"\x01a\x00" + b"\x01b\x05" + bytes(8) + b"\x01c\x06\x00\x03abc" + b"\x01d\x09" + bytes(16)
    )
    fields = others + b"\x01e\x07\x00\x04text" + b"\x01f\x63"
    head = struct.pack(">II", 16 + len(fields), len(fields))
    frame = head + struct.pack(">I", zlib.crc32(head)) + fields
    (read,) = decode(frame + struct.pack(">I", zlib.crc32(frame)))
    assert read == Frame({"e": "text"}, b"")


@given(st.binary(max_size=200))
def test_anything_is_read_without_a_word(body: bytes) -> None:
    decode(body)
    decode(encode({"a": "b"}, body) + body)


@given(st.binary(max_size=60))
def test_any_headers_are_read_without_a_word(fields: bytes) -> None:
    head = struct.pack(">II", 16 + len(fields), len(fields))
    (frame,) = decode(head + bytes(4) + fields + bytes(4))
    assert not frame.payload
    assert not frame.sound
