"""Event streams are read as the WHATWG algorithm says, however they arrive."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import sse
from conformance.sse import Line

Dispatched = list[tuple[str, str, str]]

# Name: (stream, what a client dispatches as (data, event, id)).
CASES: dict[str, tuple[bytes, Dispatched]] = {
    "nothing": (b"", []),
    "line feeds": (b"data: one\n\ndata: two\n\n", [("one", "", ""), ("two", "", "")]),
    "carriage returns": (b"data: one\r\rdata: two\r\r", [("one", "", ""), ("two", "", "")]),
    "pairs": (b"data: one\r\n\r\ndata: two\r\n\r\n", [("one", "", ""), ("two", "", "")]),
    "every line end in turn": (
        b"data: one\n\r\ndata: two\r\n\ndata: three\r\r\ndata: four\n\r",
        [("one", "", ""), ("two", "", ""), ("three", "", ""), ("four", "", "")],
    ),
    "one mark at the start": (b"\xef\xbb\xbfdata: one\n\n", [("one", "", "")]),
    "a second mark belongs to the name": (b"\xef\xbb\xbf\xef\xbb\xbfdata: one\n\n", []),
    "a mark later on belongs to the name": (b"\n\xef\xbb\xbfdata: one\n\n", []),
    "a mark in a value": (b"data: \xef\xbb\xbfone\n\n", [("\ufeffone", "", "")]),
    "data over several lines": (b"data: {\ndata:\ndata: }\n\n", [("{\n\n}", "", "")]),
    "only one space goes": (
        b"data:none\n\ndata:  two\n\ndata:\ttab\n\n",
        [("none", "", ""), (" two", "", ""), ("\ttab", "", "")],
    ),
    "colons in a value": (b"data: a:b: c\n\n", [("a:b: c", "", "")]),
    "a value that is a colon": (b"data::\n\n", [(":", "", "")]),
    "comments": (b": hello\ndata: one\n:\n\n:bye\n\n", [("one", "", "")]),
    "keep-alives first": (b": WAIT\n\n: WAIT\n\ndata: one\n\n", [("one", "", "")]),
    "a name for one event": (
        b"event: start\ndata: one\n\ndata: two\n\n",
        [("one", "start", ""), ("two", "", "")],
    ),
    "the last name counts": (b"event: a\nevent: b\ndata: one\n\n", [("one", "b", "")]),
    "a name without data is dropped": (b"event: ping\n\ndata: one\n\n", [("one", "", "")]),
    "an id stays": (b"id: 5\ndata: one\n\ndata: two\n\n", [("one", "", "5"), ("two", "", "5")]),
    "an id of its own block": (b"id: 5\n\ndata: one\n\n", [("one", "", "5")]),
    "an id survives blank lines": (
        b"data: one\nid: 5\n\n\n\ndata: two\n\n",
        [("one", "", "5"), ("two", "", "5")],
    ),
    "an id taken back": (
        b"id: 5\ndata: one\n\nid\ndata: two\n\n",
        [("one", "", "5"), ("two", "", "")],
    ),
    "an id with NUL is ignored": (
        b"id: 5\ndata: one\n\nid: 6\0\ndata: two\n\n",
        [("one", "", "5"), ("two", "", "5")],
    ),
    "retry alone": (b"retry: 10\n\ndata: one\n\n", [("one", "", "")]),
    "data without a colon": (b"data\n\ndata\ndata\n\n", [("", "", ""), ("\n", "", "")]),
    "data without a value": (b"data:\n\ndata: \n\n", [("", "", ""), ("", "", "")]),
    "no blank line at the end": (b"data: one\n\ndata: two\n", [("one", "", "")]),
    "no line end at the end": (b"data: one\n\ndata: two", [("one", "", "")]),
    "what only str splits at": (
        "data: a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei\n\n".encode(),
        [("a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei", "", "")],
    ),
    "two to four bytes": ("data: é€😀\n\n".encode(), [("é€😀", "", "")]),
    "bytes that are not UTF-8": (b"data: a\xffb\xe2\x82\n\n", [("a\ufffdb\ufffd", "", "")]),
    "fields of no meaning": (b"foo: 1\ndata: one\nbar\n\n", [("one", "", "")]),
    "names are exact": (b" data: a\nData: b\ndata : c\ndata: d\n\n", [("d", "", "")]),
    "a sentinel": (b'data: {"a":1}\n\ndata: [DONE]\n\n', [('{"a":1}', "", ""), ("[DONE]", "", "")]),
}

LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b"\r\r", b"\r\n\r\n", b""])
NAMES = st.sampled_from([b"data", b"event", b"id", b"retry", b"", b"foo", b" data", b"DATA"])
COLONS = st.sampled_from([b":", b": ", b":  ", b""])
VALUES = st.sampled_from([b"", b"1", b"a:b", b"\0", b"\xff", b"\xe2\x82", "é😀\u2028\x85".encode()])
FIELDS = st.tuples(NAMES, COLONS, VALUES | st.binary(max_size=6), LINE_ENDS).map(b"".join)
PIECES = st.lists(FIELDS | LINE_ENDS | st.binary(max_size=4), max_size=12)
STREAMS = st.builds(
    lambda mark, pieces: mark + b"".join(pieces),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xef\xbb"]),
    PIECES,
)


def dispatched(stream: sse.EventStream) -> Dispatched:
    return [(event.data, event.event, event.id) for event in stream.events]


def as_the_standard_says(body: bytes) -> Dispatched:
    """Section 9.2.6 word for word, on a whole decoded text."""
    *lines, _ = re.split("\r\n|\r|\n", body.removeprefix(b"\xef\xbb\xbf").decode(errors="replace"))
    events: Dispatched = []
    data = kind = last_id = ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                events.append((data.removesuffix("\n"), kind, last_id))
            data = kind = ""
        elif field == "data":
            data += value + "\n"
        elif field == "event":
            kind = value
        elif field == "id" and "\0" not in value:
            last_id = value
    return events


def fed(pieces: list[bytes]) -> sse.EventStream:
    parser = sse.Parser()
    for piece in pieces:
        parser.feed(piece)
    return parser.close()


@pytest.mark.parametrize(("body", "expected"), CASES.values(), ids=CASES.keys())
def test_dispatches(body: bytes, expected: Dispatched) -> None:
    assert dispatched(sse.parse(body)) == expected


@pytest.mark.parametrize("body", [body for body, _ in CASES.values()], ids=CASES.keys())
def test_a_cut_anywhere_changes_nothing(body: bytes) -> None:
    whole = sse.parse(body)
    assert fed([body[i : i + 1] for i in range(len(body))]) == whole
    assert all(fed([body[:at], b"", body[at:]]) == whole for at in range(len(body) + 1))


@given(body=STREAMS, cuts=st.lists(st.integers(0, 80), max_size=8))
def test_cuts_change_nothing_in_any_stream(body: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    whole = sse.parse(body)
    assert fed([body[start:end] for start, end in pairwise(edges)]) == whole
    assert fed([body[i : i + 1] for i in range(len(body))]) == whole


@given(STREAMS)
def test_agrees_with_the_standard_on_any_stream(body: bytes) -> None:
    assert dispatched(sse.parse(body)) == as_the_standard_says(body)


@given(STREAMS | st.binary())
def test_offsets_and_encoding_hold_for_any_bytes(body: bytes) -> None:
    stream = sse.parse(body)
    last = (stream.unterminated,) if stream.unterminated else ()
    for event in stream.events + last:
        assert event.raw == body[event.start : event.end]
        assert event.data_fields == event.data.count("\n") + 1
    for line in stream.stray:
        assert body[line.offset :].startswith(line.text.encode()) or "\ufffd" in line.text
    valid = stream.invalid_utf8_at
    assert body[:valid].decode().encode() == body[:valid]
    if valid is not None:
        with pytest.raises(UnicodeDecodeError):
            body[: valid + 4].decode()


def test_an_event_knows_its_block() -> None:
    body = b"\xef\xbb\xbf\r\n: hi\r\nid: 7\r\nevent: x\r\ndata: a\r\ndata: b\r\n\r\n\r\n"
    (event,) = sse.parse(body).events
    assert event == sse.Event(
        data="a\nb", event="x", id="7", raw=body[5:-2], start=5, end=len(body) - 2, data_fields=2
    )


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_a_last_event_without_its_blank_line_is_kept_apart(end: bytes) -> None:
    stream = sse.parse(b"data: one\n\nid: 9\ndata: two" + end)
    assert dispatched(stream) == [("one", "", "")]
    assert stream.unterminated == sse.Event(
        data="two",
        event="",
        id="9",
        raw=b"id: 9\ndata: two" + end,
        start=11,
        end=26 + len(end),
        data_fields=1,
    )


@pytest.mark.parametrize("tail", [b"", b"\n", b": bye\n", b"event: x", b"dat"])
def test_an_end_without_data_is_no_event(tail: bytes) -> None:
    assert sse.parse(b"data: one\n\n" + tail).unterminated is None


def test_notes_every_other_line() -> None:
    body = b": ping\n:  two\nfoo: 1\n{\nid: 3\nid\0\nid: \0\nretry: 50\nretry: +5\nretry: 1_0\n"
    stream = sse.parse(body + "retry: \u0663\n".encode())
    assert stream.comments == (Line(0, "ping"), Line(7, " two"))
    assert stream.stray == (Line(14, "foo: 1"), Line(21, "{"), Line(29, "id\0"))
    assert stream.ids == (Line(23, "3"), Line(33, "\0"))
    assert stream.retries == (Line(39, "50"),)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"id: 1\ndata: a\n\n: ping\n\n", (Line(15, "ping"),)),
        (b"id: 1\ndata: a\n\n: x\n: y\n\n: z\n\n", (Line(19, "y"), Line(24, "z"))),
        (b"id: 1\n: ping\n\n", (Line(6, "ping"),)),
        (b": ping\n\nid: 1\ndata: a\n\n", ()),
        (b"id: 1\ndata: a\n\n: ping\ndata: b\n\n", ()),
        (b"id: 1\ndata: a\n\n: ping\n", ()),
        (b"id: 1\ndata: a\n\n\n\n", ()),
        (b"id: 1\ndata: a\n\nid:\ndata: b\n\n: ping\n\n", ()),
        (b"id: \0\ndata: a\n\n: ping\n\n", ()),
        (b"data: a\n\n: ping\n\n", ()),
    ],
)
def test_finds_keepalives_while_an_id_is_in_force(body: bytes, expected: tuple[Line, ...]) -> None:
    assert sse.parse(body).keepalives_after_id == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: a", set()),
        (b"data: a\n\n", {"\n"}),
        (b"data: a\r\n\r\n", {"\r\n"}),
        (b"data: a\r\r", {"\r"}),
        (b"data: a\r\n\r", {"\r\n", "\r"}),
        (b"data: a\n\r\n", {"\n", "\r\n"}),
        (b"\r\r\n\n", {"\r", "\r\n", "\n"}),
    ],
)
def test_tells_the_line_ends(body: bytes, expected: set[str]) -> None:
    assert sse.parse(body).line_endings == expected


@pytest.mark.parametrize(
    ("body", "bom"), [(b"\xef\xbb\xbf", True), (b"\xef\xbb", False), (b"\n\xef\xbb\xbf", False)]
)
def test_a_mark_counts_at_the_start_only(body: bytes, bom: bool) -> None:  # noqa: FBT001  # a case
    assert sse.parse(body).bom is bom


def test_a_character_split_across_events_is_invalid() -> None:
    assert sse.parse(b"data: \xf0\x9f\n\ndata: \x98\x80\n\n").invalid_utf8_at == 6


def test_feed_gives_each_event_once_and_as_soon_as_it_is_certain() -> None:
    parser = sse.Parser()
    fed_events = [parser.feed(piece) for piece in (b"data: a\n", b"\ndata: b\r\n\r", b"\n", b"x")]
    assert [[event.data for event in events] for events in fed_events] == [[], ["a"], ["b"], []]
    assert [event.data for event in parser.close().events] == ["a", "b"]


def test_a_carriage_return_counts_from_the_next_byte_on() -> None:
    parser = sse.Parser()
    assert parser.feed(b"data: a\r\r") == []
    assert parser.feed(b"") == []
    assert [event.end for event in parser.feed(b"x")] == [9]


def test_a_long_line_may_come_byte_by_byte() -> None:
    parser = sse.Parser()
    for _ in range(200_000):
        parser.feed(b"x")
    assert [line.text for line in parser.close().stray] == ["x" * 200_000]


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_has_a_limit(size: int, end: bytes) -> None:
    def read(line: bytes) -> None:
        parser = sse.Parser(max_line=20)
        for at in range(0, len(line), size):
            parser.feed(line[at : at + size])
        parser.close()

    read(b"x" * (20 - len(end)) + end)
    with pytest.raises(sse.StreamTooLong, match=r"^A line is longer than 20 bytes\.$"):
        read(b"x" * (21 - len(end)) + end)


def test_an_endless_line_is_not_kept() -> None:
    parser = sse.Parser(max_line=1000)
    for _ in range(1000):
        parser.feed(b"x")
    with pytest.raises(sse.StreamTooLong):
        parser.feed(b"x")


def test_a_stream_has_limits() -> None:
    parser = sse.Parser(max_events=2, max_bytes=25)
    assert len(parser.feed(b"data\n\n" * 2)) == 2
    with pytest.raises(sse.StreamTooLong, match=r"^The stream has more than 2 events\.$"):
        parser.feed(b"data\n\n")
    with pytest.raises(sse.StreamTooLong, match=r"^The stream is longer than 25 bytes\.$"):
        parser.feed(b":\n" * 10)


def test_notes_are_bounded() -> None:
    stream = sse.parse(b"id: 1\n:\nx\nretry: 1\n\n" * (sse.NOTED + 1))
    noted = (stream.comments, stream.stray, stream.ids, stream.retries, stream.keepalives_after_id)
    assert [len(lines) for lines in noted] == [sse.NOTED] * 5


def test_a_whole_body_has_no_limit_but_that_of_events() -> None:
    body = b"data\n\n" * sse.MAX_EVENTS
    assert len(sse.parse(body).events) == sse.MAX_EVENTS
    with pytest.raises(sse.StreamTooLong, match="more than 100,000 events"):
        sse.parse(body + b"data\n\n")
