"""One attempt at one request: an answer, or what became of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import httpx

from conformance.model import Request
from conformance.routes.transport import Heard, Recorder

CONNECT: Final = 10.0
"""Seconds a connection may take to be made."""


async def fetch(pool: httpx.AsyncBaseTransport, request: Request, deadline: float) -> Heard:
    """Send ``request`` as it is, and read the whole answer, for at most ``deadline`` seconds.

    Nothing is added but Host and Content-Length; no redirect is followed, no cookie kept.
    """
    heard: list[Heard] = []
    recorder = Recorder(pool, heard.append, deadline=deadline)
    opened = _Opened()
    with suppress(httpx.TransportError):  # the recorder tells of it
        try:
            response = await recorder.handle_async_request(_outgoing(request, opened))
        except BaseException:
            await opened.aclose()
            raise
        try:
            async for _ in response.aiter_raw():
                pass  # the recorder keeps it
        finally:
            await response.aclose()
    return heard[0]


def _outgoing(request: Request, opened: _Opened) -> httpx.Request:
    timeouts = httpx.Timeout(None, connect=CONNECT)  # the deadline bounds the rest
    return httpx.Request(
        request.method,
        request.url,
        headers=[(name.encode(), value.encode()) for name, value in request.headers],
        content=request.body or None,
        extensions={"timeout": timeouts.as_dict(), "trace": opened},
    )


class _Opened:
    """The connection that was opened for a request.

    httpcore 1.0 forgets to close it when it is cancelled in the middle of a TLS handshake.
    """

    def __init__(self) -> None:
        self._stream: Any = None

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]

    async def aclose(self) -> None:
        if self._stream:
            await self._stream.aclose()
