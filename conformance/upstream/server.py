"""The stage as a server on 127.0.0.1: for adapters in a process of their own, and to compare.

Below ``/<provider>`` it is that provider, whatever follows being the provider's own path.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from conformance.model import Chunk, Headers, Request, Response
from conformance.serve import background
from conformance.serve.connections import Connections
from conformance.upstream.stage import HOST, Stage

HELD: Final = 30.0
"""Seconds that an answer is held back which is never to come."""
REAL_TIME: Final = 1.0
_FRAMING: Final = ("content-length", "transfer-encoding")


@contextmanager
def serving(stage: Stage, port: int = 0) -> Iterator[str]:
    """Serve within the block, and give it the address: ``http://127.0.0.1:<port>``.

    Raises OSError where the port can't be had.
    """

    def answer(request: Request) -> Response:
        rest = request.url.removeprefix("/").partition("/")[2]
        said = stage.answer(replace(request, url=f"http://{HOST}/{rest}"))
        if said.response is None:
            return _withheld()
        return _framed(said.response, cut=said.failure is not None)

    with background(Connections(answer, REAL_TIME), port) as origin:
        yield origin


def _withheld() -> Response:
    """An answer that does not come in time."""
    length = ("content-length", "1")
    return Response(200, Headers([length]), (Chunk(b"", HELD),))


def _framed(response: Response, *, cut: bool) -> Response:
    """With its length; for an answer that is cut, a longer one, so that a client can tell.

    Streams are in chunks, as those of real servers are.
    """
    headers = Headers((n, v) for n, v in response.headers if n.lower() not in _FRAMING)
    if not cut and len(response.chunks) > 1:
        framing = ("transfer-encoding", "chunked")
    else:
        length = sum(len(chunk.data) for chunk in response.chunks)
        framing = ("content-length", str(length + cut))
    return replace(response, headers=Headers([*headers, framing]))
