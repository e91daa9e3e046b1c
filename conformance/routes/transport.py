"""An httpx transport that keeps what passes through it: the bytes, when they came, how it ended.

It works with any httpx client, an SDK's too: ``httpx.AsyncClient(transport=Recorder(...))``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from conformance.model import Chunk, Failure, Headers, Request, Response
from conformance.routes.decoding import decoded
from conformance.routes.failures import Deadline, TooLong, failure_of

MAX_BODY: Final = 32 << 20
"""Bytes of one body that are read, and bytes of it after its content encoding is undone: enough to
see a stream that has no end."""
MAX_CHUNKS: Final = 200_000
"""Pieces of one body that are read: each costs memory, however short it is."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One exchange as it was on the wire.

    The request has the headers that were really sent. The response has the headers as they came,
    with a content encoding that its chunks no longer have.
    """

    request: Request
    response: Response | None
    failure: Failure | None = None
    http_version: str = ""
    """For instance ``HTTP/1.1``; empty when there was no response."""


class Recorder(httpx.AsyncBaseTransport):
    """Passes requests on to ``inner``, and tells ``keep`` of each exchange once, when it is over.

    The caller gets every piece of an answer as it arrives. A whole exchange may take ``deadline``
    seconds: then it ends in :class:`httpx.ReadTimeout`, however busily the server drips.
    A longer body than ``max_body`` bytes ends in :class:`httpx.ReadError`.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        keep: Callable[[Heard], None],
        *,
        deadline: float | None = None,
        max_body: int = MAX_BODY,
    ) -> None:
        self._inner = inner
        self._keep = keep
        self._deadline = deadline
        self._max_body = max_body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the body of the answer is still to come."""
        tape = _Tape(request, self._keep, self._deadline, self._max_body)
        async with tape.running():
            response = await self._inner.handle_async_request(tape.outgoing(request))
        tape.response = response
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Tee(response, tape),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


class _Tape:
    """What is known of one exchange so far."""

    def __init__(
        self,
        request: httpx.Request,
        keep: Callable[[Heard], None],
        deadline: float | None,
        max_body: int,
    ) -> None:
        self._request = request
        self._keep: Callable[[Heard], None] | None = keep
        self._deadline = deadline
        self._ends = None if deadline is None else asyncio.get_running_loop().time() + deadline
        self._started = time.perf_counter()
        self._body = _Outgoing(request.stream, max_body)
        self._room = max_body
        self._max_body = max_body
        self._chunks: list[Chunk] = []
        self.response: httpx.Response | None = None

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The same request, with a body that notices when it has been sent."""
        return httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=self._body,
            extensions=request.extensions,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Within it the deadline holds, and an error ends the exchange."""
        try:
            try:
                async with asyncio.timeout_at(self._ends):
                    yield
            except TimeoutError as error:
                late = f"the answer was not complete after {self._deadline:g} seconds"
                raise Deadline(late, request=self._request) from error
        except BaseException as error:
            self.end(failure_of(error, self._elapsed()))
            raise

    def take(self, data: bytes) -> None:
        """Keep a piece of the body. Raises TooLong."""
        self._chunks.append(Chunk(data[: self._room], self._elapsed()))
        self._room -= len(data)
        if self._room < 0 or len(self._chunks) > MAX_CHUNKS:
            limit = f"{self._max_body} bytes" if self._room < 0 else f"{MAX_CHUNKS} pieces"
            raise TooLong(f"the body is longer than {limit}", request=self._request)

    def end(self, failure: Failure | None) -> None:
        """Tell of the exchange, unless that was done before."""
        keep, self._keep = self._keep, None
        if keep is None:
            return
        asked = Request(
            self._request.method,
            str(self._request.url),
            _headers(self._request.headers.raw),
            b"".join(self._body.parts),
        )
        if self.response is None:
            keep(Heard(asked, None, failure))
            return
        headers = _headers(self.response.headers.raw)
        chunks, fault = decoded(headers, tuple(self._chunks), self._max_body)
        version = self.response.extensions.get("http_version", b"").decode("ascii", "replace")
        answer = Response(self.response.status_code, headers, chunks)
        keep(Heard(asked, answer, failure or fault, version))

    def _elapsed(self) -> float:
        """Seconds since the last byte of the request was sent, or since it was begun."""
        return time.perf_counter() - (self._body.sent or self._started)


class _Outgoing(httpx.AsyncByteStream):
    """A request's body, the first ``limit`` bytes of which are kept."""

    def __init__(self, inner: object, limit: int) -> None:
        if not isinstance(inner, httpx.AsyncByteStream):
            raise TypeError("the request's body can't be sent by an asynchronous client")
        self._inner = inner
        self._limit = limit
        self.parts: list[bytes] = []
        self.sent: float | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.parts, room = [], self._limit
        async for part in self._inner:
            self.parts.append(part[:room])
            room -= len(self.parts[-1])
            yield part
        self.sent = time.perf_counter()

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Tee(httpx.AsyncByteStream):
    """A response's body, which goes to the caller and onto the tape."""

    def __init__(self, response: httpx.Response, tape: _Tape) -> None:
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError("the inner transport is not asynchronous")
        self._inner = response.stream
        self._tape = tape

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._inner)
        while True:
            async with self._tape.running():
                data = await anext(pieces, None)
                if data:
                    self._tape.take(data)
            if data is None:
                self._tape.end(None)
                return
            yield data

    async def aclose(self) -> None:
        # After this it is the caller who has ended the exchange, unless it was over.
        self._tape.end(Failure("closed", "the caller stopped reading"))
        await self._inner.aclose()


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    return Headers((_text(name), _text(value)) for name, value in pairs)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
