"""HTTP/1.1 messages on a stream: requests read within limits, responses sent as they are given.

What a client sends is hostile until it is read. What is sent back may be broken on purpose, so
nothing is repaired on the way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from http.client import responses as PHRASES  # noqa: N812  # it is a constant
from typing import Final

from conformance.model import Headers, Request, Response
from conformance.reference.errors import ApiError
from conformance.reference.server import LARGEST

HEAD: Final = 64 * 2**10
"""Bytes of a request line and its headers together."""
FIELDS: Final = 100
"""Headers of one request."""
IDLE: Final = 30.0
"""Seconds between two requests of one connection."""
SLOW: Final = 10.0
"""Seconds that the head of a request may take, and what remains of it after that."""
STUCK: Final = 30.0
"""Seconds until a client has to take what was sent."""
BLANKS: Final = 8
"""Empty lines that may come before a request (RFC 9112 section 2.2)."""

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([!-~\x80-\xff]+) HTTP/1\.([01])")
_FIELD: Final = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([^\x00\r\n]*?)[ \t]*")
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,256})?\r\n")
_LENGTH: Final = re.compile(r"[0-9]{1,12}")
_UNSENDABLE: Final = re.compile(r"[\x00\r\n]")
_BODILESS: Final = (204, 304)


class Incoming:
    """A request that was read, and what it says about its connection."""

    def __init__(self, request: Request, *, modern: bool) -> None:
        self.request = request
        self.modern = modern
        """Whether it speaks HTTP/1.1, and so reads chunked bodies and keeps its connection."""

    @property
    def keeps(self) -> bool:
        """Whether another request may follow (RFC 9112 section 9.3)."""
        options = (self.request.headers.get("connection") or "").lower()
        return self.modern and "close" not in options


async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Incoming | None:
    """The next request; None when there is none.

    Raises ApiError for one that can't be read: the connection is of no use after that. OSError and
    EOFError, of which IncompleteReadError is one, mean that the client is gone.
    """
    try:
        async with asyncio.timeout(IDLE):
            start = await _start(reader)
    except TimeoutError:
        return None
    try:
        async with asyncio.timeout(SLOW):
            incoming = _head(start + await reader.readuntil(b"\r\n\r\n"))
        async with asyncio.timeout(SLOW):
            body = await _body(reader, writer, incoming)
    except TimeoutError:
        raise ApiError(408, "The request took too long to arrive.") from None
    except asyncio.LimitOverrunError:
        raise ApiError(431, "The head of the request is too large.") from None
    head = incoming.request
    request = Request(head.method, head.url, head.headers, body)
    return Incoming(request, modern=incoming.modern)


async def _start(reader: asyncio.StreamReader) -> bytes:
    """The first byte that isn't of an empty line. Raises EOFError."""
    for _ in range(2 * BLANKS):
        byte = await reader.readexactly(1)
        if byte not in b"\r\n":
            return byte
    raise EOFError


def _head(data: bytes) -> Incoming:
    first, *lines = data[:-4].split(b"\r\n")
    line = _LINE.fullmatch(first)
    fields = [_FIELD.fullmatch(one) for one in lines]
    if not line or None in fields or len(fields) > FIELDS:
        raise ApiError(400, "This is not an HTTP request.")
    pairs = [(found[1].decode(), found[2].decode("latin-1")) for found in fields if found]
    headers, modern = Headers(pairs), line[3] == b"1"
    if modern and "host" not in headers:
        raise ApiError(400, "The request has no Host header.")
    request = Request(line[1].decode(), line[2].decode("latin-1"), headers)
    return Incoming(request, modern=modern)


async def _body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, incoming: Incoming
) -> bytes:
    headers = incoming.request.headers
    coding = headers.get("transfer-encoding")
    lengths = {value for name, value in headers if name.lower() == "content-length"}
    if coding is None and not lengths:
        return b""
    # Both at once, or two lengths, are how requests are smuggled (RFC 9112 section 6.3).
    if (coding is not None and lengths) or len(lengths) > 1:
        raise ApiError(400, "The length of the request is told in two ways.")
    if coding is not None and coding.lower() != "chunked":
        raise ApiError(501, "The transfer coding of the request is not known.")
    length = next(iter(lengths), "0")
    if not _LENGTH.fullmatch(length):
        raise ApiError(400, "The length of the request is not a number.")
    _refuse_beyond(int(length))
    if incoming.modern and (headers.get("expect") or "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await (_chunked(reader) if coding else reader.readexactly(int(length)))


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks (RFC 9112 section 7.1); what follows the last one is skipped."""
    body = bytearray()
    while True:
        found = _SIZE.fullmatch(await reader.readuntil(b"\r\n"))
        if not found:
            raise ApiError(400, "The request is not made of chunks.")
        size = int(found[1], 16)
        _refuse_beyond(len(body) + size)
        if not size:
            break
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise ApiError(400, "A chunk of the request is longer than it says.")
    for _ in range(FIELDS):
        if await reader.readuntil(b"\r\n") == b"\r\n":
            return bytes(body)
    raise ApiError(400, "The request has too many trailers.")


def _refuse_beyond(length: int) -> None:
    if length > LARGEST:
        raise ApiError(413, f"The request body is larger than {LARGEST} bytes.")


def bodiless(request: Request, response: Response) -> bool:
    """Whether nothing can follow the head (RFC 9110 sections 6.4.1 and 9.3.2)."""
    return request.method == "HEAD" or response.status in _BODILESS


def declared_length(response: Response) -> int | None:
    """How many bytes of the body a client reads; None when it reads on to the end."""
    length = response.headers.get("content-length") or ""
    counts = not is_chunked(response) and _LENGTH.fullmatch(length)
    return int(length) if counts else None


def is_chunked(response: Response) -> bool:
    """Whether the body is framed in chunks."""
    return (response.headers.get("transfer-encoding") or "").lower() == "chunked"


async def send(
    writer: asyncio.StreamWriter, incoming: Incoming, response: Response, pace: float
) -> bool:
    """Send ``response``, one chunk a write; whether the connection is of use after that.

    A chunk is sent ``at * pace`` seconds after the call, the head at once; an empty chunk in front
    says when it is sent instead. Raises OSError where the client is gone, TimeoutError where it
    doesn't take what it asked for.
    """
    clock = asyncio.get_running_loop().time
    called = clock()
    framed = is_chunked(response) and incoming.modern
    if response.chunks and not response.chunks[0].data:
        await asyncio.sleep((response.chunks[0].at or 0.0) * pace)
    await _write(writer, _written(response, incoming, framed=framed))
    if bodiless(incoming.request, response):
        return incoming.keeps
    for chunk in response.chunks:
        await asyncio.sleep(max(0.0, called + (chunk.at or 0.0) * pace - clock()))
        if chunk.data:
            size = b"%x\r\n" % len(chunk.data)
            await _write(writer, size + chunk.data + b"\r\n" if framed else chunk.data)
    if framed:
        await _write(writer, b"0\r\n\r\n")
    exact = framed or declared_length(response) == sum(len(c.data) for c in response.chunks)
    return incoming.keeps and exact


def _written(response: Response, incoming: Incoming, *, framed: bool) -> bytes:
    return "\r\n".join(_lines(response, incoming, framed=framed)).encode("latin-1", "replace")


def _lines(response: Response, incoming: Incoming, *, framed: bool) -> Iterator[str]:
    yield f"HTTP/1.1 {response.status} {PHRASES.get(response.status, '')}"
    for name, value in response.headers:
        if framed or name.lower() != "transfer-encoding":
            yield f"{name}: {_UNSENDABLE.sub(' ', value)}"
    if not incoming.keeps and "connection" not in response.headers:
        yield "connection: close"
    yield from ("", "")


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    async with asyncio.timeout(STUCK):
        await writer.drain()
