"""The stage inside a process: HTTP libraries are tapped at the transports they all go through.

So an adapter keeps the addresses it was built with, and needs no option to be led elsewhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from conformance.model import Failure, Headers, Request
from conformance.targets import LOOPBACK
from conformance.upstream.scripts import Told
from conformance.upstream.stage import Stage

LIBRARIES: Final = ("httpx", "httpx2")
"""The HTTP libraries that are tapped where they are installed; the second succeeds the first."""
_UNSENT: Final = ("content-length", "transfer-encoding")


@contextmanager
def tapped(stage: Stage, server: str | None = None) -> Iterator[None]:
    """Within it whatever this process sends goes to the stage; to ``server``, as it is.

    What goes past the libraries that are tapped is refused where it leaves the machine.
    """
    with ExitStack() as stack:
        for name in LIBRARIES:
            if importlib.util.find_spec(name):
                library = importlib.import_module(name)
                stack.enter_context(_tapped(library, stage, server))
        for method in ("connect", "connect_ex"):
            stack.enter_context(_fenced(method, stage))
        yield


@contextmanager
def _tapped(library: Any, stage: Stage, server: str | None) -> Iterator[None]:
    """Both transports of one library, the blocking one and the other."""
    wait, aside = library.HTTPTransport, library.AsyncHTTPTransport
    send, send_async = wait.handle_request, aside.handle_async_request

    def handle(transport: Any, request: Any) -> Any:
        if server and str(request.url).startswith(server):
            return send(transport, request)
        return _response(library, request, stage.answer(_heard(request, request.read())))

    async def handle_async(transport: Any, request: Any) -> Any:
        if server and str(request.url).startswith(server):
            return await send_async(transport, request)
        return _response(library, request, stage.answer(_heard(request, await request.aread())))

    with (
        patch.object(wait, "handle_request", handle),
        patch.object(aside, "handle_async_request", handle_async),
    ):
        yield


def _heard(request: Any, body: bytes) -> Request:
    pairs = ((n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers.raw)
    return Request(request.method, str(request.url), Headers(pairs), body)


def _response(library: Any, request: Any, told: Told) -> Any:
    """What the library makes of it: a response to read, or the error it raises."""
    if told.response is None:
        raise _error(library, request, told.failure)
    headers = [(n, v) for n, v in told.response.headers if n.lower() not in _UNSENT]
    pieces = [chunk.data for chunk in told.response.chunks]
    failing = None if told.failure is None else _error(library, request, told.failure)

    class Body(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc]  # found at run time
        def __iter__(self) -> Iterator[bytes]:
            yield from pieces
            if failing:
                raise failing

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in self:
                yield piece

    return library.Response(told.response.status, headers=headers, stream=Body(), request=request)


def _error(library: Any, request: Any, failure: Failure | None) -> Exception:
    """The error that a library raises for such a failure."""
    if failure and failure.kind == "timeout":
        error: Exception = library.ReadTimeout(failure.message, request=request)
    else:
        message = "peer closed connection without sending complete message body"
        error = library.RemoteProtocolError(message, request=request)
    return error


@contextmanager
def _fenced(name: str, stage: Stage) -> Iterator[None]:
    """Connections that leave this machine are refused, and noted."""
    method: Callable[..., Any] = getattr(socket.socket, name)

    def fenced(self: socket.socket, address: Any, *more: Any) -> Any:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and host not in LOOPBACK:
            stage.refuse(str(host))
            raise ConnectionRefusedError(f"the stage lets nothing out, not even to {host}")
        return method(self, address, *more)

    with patch.object(socket.socket, name, fenced):
        yield
