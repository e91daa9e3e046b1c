"""The connections of a server: accepted, answered one request after the other, and closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from conformance.model import Request, Response
from conformance.reference.errors import ApiError
from conformance.reference.wire import Ids, json_response
from conformance.serve.messages import HEAD, STUCK, Incoming, receive, send

MOST: Final = 256
"""Connections at a time; who comes after that is sent away."""
LINGER: Final = 2.0
"""Seconds for a client whose request was refused to notice, so that it reads the reason."""
UNREAD: Final = Incoming(Request("", ""), modern=False)
"""What stands for a request that couldn't be read."""


class Connections:
    """Answers every request that comes in by ``answer``, which must not raise.

    ``pace`` is how many real seconds a second of an answer takes.
    """

    def __init__(self, answer: Callable[[Request], Response], pace: float) -> None:
        self._answer = answer
        self._pace = pace
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def taken(self, host: str, port: int) -> AsyncIterator[int]:
        """Take connections during the block, which is given the port. Raises OSError."""
        server = await asyncio.start_server(self._accept, host, port, limit=HEAD)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MOST:
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until one side has enough; a client that leaves is no error."""
        try:
            # IncompleteReadError is an EOFError, TimeoutError an OSError.
            with suppress(OSError, EOFError):
                await self._converse(reader, writer)
                writer.close()
                async with asyncio.timeout(STUCK):
                    await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while incoming := await receive(reader, writer):
                response = self._answer(incoming.request)
                if not await send(writer, incoming, response, self._pace):
                    return
        except ApiError as error:
            refused = json_response(Ids.of(UNREAD.request, 0), error.status, error.body)
            await send(writer, UNREAD, refused, 0)
            writer.write_eof()
            await _drained(reader)


async def _drained(reader: asyncio.StreamReader) -> None:
    """Read on for a while: closed on unread bytes, a connection is reset and the answer lost."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while await reader.read(HEAD):
                pass
