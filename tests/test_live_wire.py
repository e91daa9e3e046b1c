"""What the live route keeps of an answer: its bytes, when they came, and how they ended."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from live_server import (
    KEY,
    Answer,
    Asked,
    ask,
    at,
    chunk,
    endless,
    pieces,
    raw,
    reset,
    run,
    saying,
    serving,
    unused,
)

from conformance.model import Exchange, Failure, Headers
from conformance.routes import transport
from conformance.routes.failures import failure_of
from conformance.routes.http import Http, Options
from conformance.routes.transport import Heard, Recorder

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
NO_RETRIES = Options(retries=0, timeout=5)


async def only(answer: Answer, options: Options = NO_RETRIES) -> Exchange:
    """The one exchange with a server that answers like this."""
    async with serving(answer) as server, Http({}, options) as http:
        (exchange,) = await ask(http, server.target())
        return exchange


def failure(exchange: Exchange | Heard) -> Failure:
    assert exchange.failure is not None
    return exchange.failure


def body(exchange: Exchange | Heard) -> bytes:
    assert exchange.response is not None
    return exchange.response.body


async def record(answer: Answer, **limits: Any) -> tuple[Heard, Exception | None]:
    """What a recorder tells of one request of an ordinary client, and what that client saw."""
    heard: list[Heard] = []
    async with serving(answer) as server:
        recorder = Recorder(httpx.AsyncHTTPTransport(), heard.append, **limits)
        async with httpx.AsyncClient(transport=recorder, timeout=5) as client:
            try:
                await client.post(server.url, content=b"question")
            except httpx.HTTPError as error:
                return heard[0], error
    (one,) = heard
    return one, None


def test_chunks_are_kept_as_they_came_and_when() -> None:
    parts: list[bytes | float] = [
        chunk(b"one"),
        0.1,
        chunk(b"two "),
        0.1,
        chunk(b"three"),
        b"0\r\n\r\n",
    ]
    exchange = run(only(pieces(0.1, CHUNKED, *parts)))
    assert exchange.response
    assert exchange.failure is None
    assert [piece.data for piece in exchange.response.chunks] == [b"one", b"two ", b"three"]
    times = [piece.at or 0 for piece in exchange.response.chunks]
    assert times == pytest.approx([0.1, 0.2, 0.3], abs=0.07)
    assert times == sorted(times)


def test_time_begins_when_the_request_was_sent_and_not_before() -> None:
    class Slow(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(0.5)  # a connection that takes its time
            return await super().handle_async_request(request)

    async def story() -> Heard:
        heard: list[Heard] = []
        async with serving(saying(raw(200))) as server:
            recorder = Recorder(Slow(), heard.append)
            async with httpx.AsyncClient(transport=recorder) as client:
                await client.post(server.url, content=b"question")
        return heard[0]

    response = run(story()).response
    assert response
    assert (response.chunks[0].at or 9) < 0.3


def test_headers_keep_their_order_case_and_duplicates() -> None:
    head = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nset-cookie: a\r\nSet-Cookie: b\r\nx-utf: \xc3\xa9\r\n"
    exchange = run(only(pieces(head + b"x-latin: \xe9\r\nContent-Length: 0\r\n\r\n")))
    assert exchange.response
    assert exchange.response.headers == Headers(
        [
            ("X-One", "1"),
            ("set-cookie", "a"),
            ("Set-Cookie", "b"),
            ("x-utf", "é"),
            ("x-latin", "é"),
            ("Content-Length", "0"),
        ]
    )


def test_a_recorder_tells_what_was_really_sent() -> None:
    heard, error = run(record(saying(raw(200, b"answer"))))
    assert error is None
    assert heard.http_version == "HTTP/1.1"
    assert (heard.request.method, heard.request.body) == ("POST", b"question")
    assert heard.request.headers.get("content-length") == "8"
    assert body(heard) == b"answer"


def test_an_answer_without_length_ends_with_the_connection() -> None:
    exchange = run(only(pieces(b"HTTP/1.0 200 OK\r\n\r\n{", 0.05, b"}")))
    assert exchange.failure is None
    assert body(exchange) == b"{}"


def test_http_1_0_is_told() -> None:
    heard, _ = run(record(pieces(b"HTTP/1.0 200 OK\r\n\r\n{}")))
    assert heard.http_version == "HTTP/1.0"


async def _reset_at_once(asked: Asked, writer: asyncio.StreamWriter) -> None:
    del asked
    reset(writer)


async def _reset_in_the_middle(asked: Asked, writer: asyncio.StreamWriter) -> None:
    del asked
    writer.write(CHUNKED + chunk(b"some"))
    await writer.drain()
    await asyncio.sleep(0.1)
    reset(writer)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (pieces(), "no_response"),
        (pieces(b"HTTP/1.1 200 OK\r\ncontent-le"), "no_response"),
        (_reset_at_once, "reset"),
        (pieces(b"SPDY/9 what\r\n\r\n"), "protocol_error"),
        (pieces(b"HTTP/1.1 099 No\r\n\r\n"), "protocol_error"),
        (pieces(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), "protocol_error"),
        (pieces(b"HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n"), "protocol_error"),
        (
            pieces(b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n"),
            "protocol_error",
        ),
        (endless(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n" * 100), "protocol_error"),
        (endless(b"HTTP/1.1 200 OK\r\nx-long: ", b"x" * 10_000), "protocol_error"),
    ],
)
def test_a_failure_before_the_answer(answer: Answer, kind: str) -> None:
    exchange = run(only(answer))
    assert exchange.response is None
    assert failure(exchange).kind == kind
    assert failure(exchange).message


@pytest.mark.parametrize(
    ("answer", "kind", "kept"),
    [
        (pieces(LONG + b"some"), "cut", b"some"),
        (pieces(CHUNKED + chunk(b"some")), "cut", b"some"),
        (pieces(CHUNKED + chunk(b"some") + b"5\r\nhal", 0.05), "cut", b"somehal"),
        (_reset_in_the_middle, "reset", b"some"),
        (pieces(CHUNKED + chunk(b"some") + b"zzz\r\n"), "protocol_error", b"some"),
    ],
)
def test_a_failure_in_the_middle_keeps_what_had_come(
    answer: Answer, kind: str, kept: bytes
) -> None:
    exchange = run(only(answer))
    assert body(exchange) == kept
    assert failure(exchange).kind == kind
    assert (failure(exchange).at or -1) >= 0


def test_nobody_listens() -> None:
    async def story() -> list[Exchange]:
        async with Http({}, NO_RETRIES) as http:
            return await ask(http, at(unused()))

    (exchange,) = run(story())
    assert exchange.response is None
    assert failure(exchange).kind == "connect_refused"
    assert "Connect call failed" in failure(exchange).message


@pytest.mark.parametrize(("greeting", "kind"), [(b"hello\r\n", "tls_error"), (b"", "deadline")])
def test_no_tls_where_tls_is_expected(greeting: bytes, kind: str) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await asyncio.sleep(1)
        writer.close()

    async def story() -> list[Exchange]:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with Http({}, Options(retries=0, timeout=0.5)) as http:
                exchanges = await ask(http, at(url))
            await asyncio.sleep(1)
            return exchanges

    (exchange,) = run(story())
    assert failure(exchange).kind == kind


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectTimeout(""), "connect_timeout"),
        (httpx.ReadTimeout("slow"), "read_timeout"),
        (httpx.WriteTimeout("slow"), "write_timeout"),
        (httpx.PoolTimeout("slow"), "pool_timeout"),
        (httpx.ConnectError("no route"), "connect_error"),
        (httpx.ReadError(""), "read_error"),
        (httpx.WriteError(""), "write_error"),
        (httpx.ProxyError("407"), "proxy_error"),
        (_caused(httpx.ConnectError("x"), socket.gaierror(-2, "Name unknown")), "dns_error"),
        (_caused(httpx.ConnectError("x"), ssl.SSLError("certificate")), "tls_error"),
        (
            _caused(
                httpx.ConnectError("x"),
                ExceptionGroup("both", [ConnectionRefusedError("::1"), OSError("4")]),
            ),
            "connect_refused",
        ),
        (
            _caused(
                httpx.ReadError(""), _caused(ConnectionResetError("x"), ssl.SSLWantReadError())
            ),
            "reset",
        ),
        (_caused(httpx.ReadError("x"), ssl.SSLWantReadError()), "read_error"),
        (RuntimeError("a bug in somebody's transport"), "error"),
    ],
)
def test_every_error_of_a_client_has_a_kind(error: Exception, kind: str) -> None:
    def failing(_: httpx.Request) -> httpx.Response:
        raise error

    async def story() -> Heard:
        heard: list[Heard] = []
        recorder = Recorder(httpx.MockTransport(failing), heard.append)
        async with httpx.AsyncClient(transport=recorder) as client:
            with pytest.raises(type(error)):
                await client.get("http://here/")
        (one,) = heard
        return one

    heard = run(story())
    assert heard.response is None
    assert failure(heard).kind == kind
    assert failure(heard).message


def test_two_errors_that_name_each_other_do_not_go_round_for_ever() -> None:
    one, other = httpx.ReadError("one"), httpx.ReadError("other")
    one.__cause__, other.__cause__ = other, one
    assert failure_of(one, None) == Failure("read_error", "one")


@pytest.mark.parametrize(
    "answer",
    [
        endless(b"", b"", 0.01),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.001),
        endless(b"HTTP/1.1 200 OK\r\n\r\n", b".", 0.02),
        endless(CHUNKED, chunk(b"data: x\n\n"), 0.02),
        endless(CHUNKED, chunk(b"."), 0),
        endless(CHUNKED + b"5;", b"e", 0.02),
    ],
    ids=["silence", "continue", "drip", "events", "flood of drops", "chunk header"],
)
def test_no_server_holds_us_beyond_the_deadline(answer: Answer) -> None:
    exchange = run(only(answer, Options(timeout=0.4)), 10)
    assert failure(exchange).kind == "deadline"
    assert failure(exchange).message == "the answer was not complete after 0.4 seconds"
    assert failure(exchange).at == pytest.approx(0.4, abs=0.3)
    assert not exchange.retried


def test_the_deadline_is_an_ordinary_timeout_for_a_client() -> None:
    heard, error = run(record(endless(LONG, b".", 0.02), deadline=0.2))
    assert isinstance(error, httpx.ReadTimeout)
    assert failure(heard).kind == "deadline"


@pytest.mark.parametrize("head", [CHUNKED, b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_endless_body_is_cut_at_the_limit(head: bytes) -> None:
    part = chunk(b"x" * 1000) if head == CHUNKED else b"x" * 1000
    heard, error = run(record(endless(head, part), max_body=10_500))
    assert isinstance(error, httpx.ReadError)
    assert failure(heard).kind == "too_long"
    assert body(heard) == b"x" * 10_500


def test_a_body_of_endless_tiny_pieces_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_CHUNKS", 500)
    exchange = run(only(endless(CHUNKED, chunk(b"x") * 50)))
    assert failure(exchange).kind == "too_long"
    assert len(body(exchange)) == 501


def test_an_answer_of_the_greatest_length_is_whole() -> None:
    heard, error = run(record(saying(raw(200, b"x" * 1000)), max_body=1000))
    assert error is None
    assert heard.failure is None
    assert len(body(heard)) == 1000


def test_a_request_that_is_no_http_is_our_fault() -> None:
    async def story() -> list[Exchange]:
        async with serving(saying(raw(200))) as server, Http({}) as http:
            target = server.target(headers=Headers([("x-bad", "one\r\ntwo")]))
            exchanges = await ask(http, target)
            assert not server.asked
            return exchanges

    (exchange,) = run(story())
    assert failure(exchange).kind == "unsendable"


def test_a_caller_who_stops_reading_ends_the_exchange() -> None:
    async def story() -> tuple[Heard, int]:
        heard: list[Heard] = []
        async with serving(endless(CHUNKED, chunk(b"some"), 0.01)) as server:
            recorder = Recorder(httpx.AsyncHTTPTransport(), heard.append)
            async with (
                httpx.AsyncClient(transport=recorder) as client,
                client.stream("GET", server.url) as response,
            ):
                async for _ in response.aiter_raw():
                    break
            await asyncio.sleep(0.1)
            (one,) = heard
            return one, server.closed

    heard, closed = run(story())
    assert failure(heard).kind == "closed"
    assert body(heard).startswith(b"some")
    assert closed == 1


def test_the_openai_sdk_streams_through_a_recorder() -> None:
    openai = pytest.importorskip("openai")
    event = (
        b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}'
    )
    parts: list[bytes | float] = [
        chunk(event + b"\n\n"),
        0.05,
        chunk(b"data: [DONE]\n\n"),
        b"0\r\n\r\n",
    ]
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-type: text/event-stream\r\n\r\n")

    async def story() -> tuple[int, list[Heard]]:
        heard: list[Heard] = []
        async with serving(pieces(head, *parts)) as server:
            recorder = Recorder(httpx.AsyncHTTPTransport(), heard.append)
            async with httpx.AsyncClient(transport=recorder) as client:
                sdk = openai.AsyncOpenAI(api_key=KEY, base_url=server.url, http_client=client)
                asking: Callable[..., Any] = sdk.chat.completions.create
                stream = await asking(model="m", messages=[], stream=True)
                return len([one async for one in stream]), heard

    events, (heard,) = run(story())
    assert events == 1
    assert heard.failure is None
    assert heard.response
    assert len(heard.response.chunks) == 2
