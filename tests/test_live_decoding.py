"""A server that encodes although it was asked not to, well or badly."""

from __future__ import annotations

import gzip
import zlib
from itertools import pairwise

import brotli  # type: ignore[import-untyped]  # brotli ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_server import ask, pieces, raw, run, saying, serving

from conformance.model import Chunk, Exchange, Headers
from conformance.routes.decoding import decoded
from conformance.routes.http import Http, Options

TEXT = b'data: {"a": 1}\n\n' * 50


def bare(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(data) + machine.flush()


ENCODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "DEFLATE": bare(TEXT),
    "br": brotli.compress(TEXT),
    "gzip, br": brotli.compress(gzip.compress(TEXT)),
    "identity": TEXT,
    "": TEXT,
}


def cut(data: bytes, places: list[int]) -> tuple[Chunk, ...]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return tuple(Chunk(data[a:b], float(n)) for n, (a, b) in enumerate(pairwise(ends)) if a < b)


def named(*encodings: str) -> Headers:
    return Headers([("Content-Encoding", one) for one in encodings])


def whole(chunks: tuple[Chunk, ...]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


@pytest.mark.parametrize("encoding", ENCODED)
@given(places=st.lists(st.integers(0, 10_000), max_size=8))
def test_every_encoding_is_undone_however_it_is_cut(encoding: str, places: list[int]) -> None:
    sent = cut(ENCODED[encoding], places)
    chunks, failure = decoded(named(encoding), sent, 10_000)
    assert failure is None
    assert whole(chunks) == TEXT
    assert {chunk.at for chunk in chunks} <= {chunk.at for chunk in sent}


def test_the_header_may_come_twice() -> None:
    sent = (Chunk(ENCODED["gzip, br"]),)
    chunks, failure = decoded(named("gzip", "br"), sent, 10_000)
    assert (whole(chunks), failure) == (TEXT, None)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_an_answer_without_body_is_no_damage(encoding: str) -> None:
    assert decoded(named(encoding), (), 10) == ((), None)


@pytest.mark.parametrize(
    ("encodings", "says"),
    [
        ("gzip", "damaged gzip data"),
        ("deflate", "damaged deflate data"),
        ("br", "damaged br data"),
        ("zstd", "content-encoding 'zstd' can't be undone"),
        ("gzip, " * 5, "5 content encodings"),
    ],
)
def test_what_is_not_so_encoded_is_kept_as_it_came(encodings: str, says: str) -> None:
    sent = (Chunk(b'{"error": "no gzip at all"}', 1.0), Chunk(b"more", 2.0))
    chunks, failure = decoded(named(encodings), sent, 10_000)
    assert chunks == sent
    assert failure
    assert failure.kind == "decoding_error"
    assert says in failure.message


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "DEFLATE", "br"])
def test_what_could_be_decoded_before_the_end_is_kept(encoding: str) -> None:
    half = ENCODED[encoding][:-3]
    chunks, failure = decoded(named(encoding), (Chunk(half, 1.0),), 10_000)
    assert failure
    assert failure.kind == "decoding_error"
    assert "ends in the middle" in failure.message
    assert TEXT.startswith(whole(chunks)) or chunks == (Chunk(half, 1.0),)


@pytest.mark.parametrize(
    "bomb",
    [
        ("gzip", gzip.compress(bytes(50_000_000))),
        ("br", brotli.compress(bytes(50_000_000))),
        ("gzip, gzip", gzip.compress(gzip.compress(bytes(50_000_000)))),
    ],
    ids=lambda bomb: bomb[0],
)
def test_a_bomb_does_not_go_off(bomb: tuple[str, bytes]) -> None:
    encoding, data = bomb
    chunks, failure = decoded(named(encoding), cut(data, [10, 20]), 100_000)
    assert failure
    assert failure.kind == "too_long"
    assert len(whole(chunks)) == 100_000


def test_a_slow_bomb_does_not_go_off_either() -> None:
    machine = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    parts = [machine.compress(bytes(900)) + machine.flush(zlib.Z_SYNC_FLUSH) for _ in range(50)]
    chunks, failure = decoded(named("gzip"), tuple(map(Chunk, parts)), 1000)
    assert failure
    assert failure.kind == "too_long"
    assert whole(chunks) == bytes(1000)


def test_the_limit_itself_may_be_reached() -> None:
    chunks, failure = decoded(named("gzip"), cut(ENCODED["gzip"], [40]), len(TEXT))
    assert (whole(chunks), failure) == (TEXT, None)


async def _one(status: int, *parts: bytes | float) -> Exchange:
    async with serving(pieces(*parts)) as server, Http({}, Options(timeout=5)) as http:
        (exchange,) = await ask(http, server.target())
        assert exchange.response
        assert exchange.response.status == status
        return exchange


def test_a_gzipped_stream_keeps_its_pace() -> None:
    machine = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    first = machine.compress(b"data: 1\n\n") + machine.flush(zlib.Z_SYNC_FLUSH)
    second = machine.compress(b"data: 2\n\n") + machine.flush()
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"
    exchange = run(_one(200, head, first, 0.2, second))
    assert exchange.failure is None
    assert exchange.response
    one, two = exchange.response.chunks
    assert (one.data, two.data) == (b"data: 1\n\n", b"data: 2\n\n")
    assert (two.at or 0) - (one.at or 0) == pytest.approx(0.2, abs=0.1)
    assert exchange.response.headers.get("content-encoding") == "gzip"


def test_a_lie_about_the_encoding_is_a_failure_with_the_body_as_evidence() -> None:
    exchange = run(_one(200, raw(200, b'{"a":1}', content_encoding="gzip")))
    assert exchange.failure
    assert exchange.failure.kind == "decoding_error"
    assert exchange.response
    assert exchange.response.body == b'{"a":1}'


def test_a_connection_that_breaks_is_what_failed_and_not_its_encoding() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 900\r\n\r\n"
    exchange = run(_one(200, head + ENCODED["gzip"][:-9]))
    assert exchange.failure
    assert exchange.failure.kind == "cut"


def test_we_ask_for_no_encoding() -> None:
    async def story() -> str:
        async with serving(saying(raw(200))) as server, Http({}) as http:
            await ask(http, server.target())
            return server.asked[0].headers["accept-encoding"]

    assert run(story()) == "identity"
