"""A scripted HTTP server on this machine, as good or bad as a test wants it; and a clock."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from conformance.model import Exchange, Request
from conformance.routes import Call
from conformance.routes.http import Http
from conformance.routes.pace import Clock
from conformance.targets import Target, endpoint

T = TypeVar("T")
KEY = "sk-test-0123456789abcdef0123"


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """What the server has seen."""

    answer: Answer
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    connections: int = 0
    closed: int = 0
    readers: list[asyncio.StreamReader] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def target(self, **more: Any) -> Target:
        """This server, as a target."""
        more = {"provider": "here", "model": "m", "base_url": f"{self.url}/v1"} | more
        return Target(**more)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side closes it."""
        self.connections += 1
        self.readers.append(reader)
        self.writers.append(writer)
        task = asyncio.current_task()
        assert task
        self.tasks.append(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                asked = await _read(reader)
                self.asked.append(asked)
                self.reached.set()
                self.busy += 1
                self.busiest = max(self.busy, self.busiest)
                try:
                    await self.answer(asked, writer)
                finally:
                    self.busy -= 1
        self.closed += 1
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Asked:
    line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in fields)}
    return Asked(line, headers, await reader.readexactly(int(headers.get("content-length", 0))))


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Server]:
    """A server on a free port that answers every request with ``answer``."""
    server = Server(answer)
    listening = await asyncio.start_server(server.connected, "127.0.0.1", 0, limit=1 << 22)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)
        for writer in server.writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        await listening.wait_closed()


def raw(status: int, body: bytes = b"{}", **headers: str) -> bytes:
    """A whole response of a known length."""
    fields = {"content-type": "application/json", "content-length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{n}: {v}" for n, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def saying(*answers: bytes) -> Answer:
    """Each answer in turn, the last one for ever."""
    left = list(answers)

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        del asked
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    return answer


def pieces(*parts: bytes | float) -> Answer:
    """Write the bytes and sleep the seconds, then close."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        del asked
        for part in parts:
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
            else:
                await asyncio.sleep(part)
        writer.close()

    return answer


def endless(head: bytes, part: bytes, pause: float = 0) -> Answer:
    """``part`` again and again."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        del asked
        writer.write(head)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a crash does, with RST."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def unused() -> str:
    """A URL at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def run(doing: Coroutine[Any, Any, T], seconds: float = 20) -> T:
    """Run a test's coroutine, which must neither hang nor leave a connection open."""
    result = asyncio.run(asyncio.wait_for(doing, seconds))
    gc.collect()  # a socket that nobody closed is a warning, and so an error, here
    return result


async def ask(http: Http, target: Target, request: Request | None = None) -> list[Exchange]:
    """Send one request, the first of its call."""
    return await http.send(Call(target, "chat.basic"), 1, request or target.chat("Hi."))


def at(url: str) -> Target:
    """A target that needs no key."""
    return endpoint(f"{url}/v1", "m", None)


@dataclass
class Ticking:
    """A clock that jumps instead of waiting; chance always says ``luck``."""

    time: float = 1000.0
    luck: float = 1.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> Clock:
        """As the route wants it."""
        start = datetime(2026, 11, 21, 12, tzinfo=UTC) - timedelta(seconds=self.time)
        return Clock(
            now=lambda: self.time,
            today=lambda: start + timedelta(seconds=self.time),
            sleep=self._sleep,
            chance=lambda: self.luck,
        )

    async def _sleep(self, seconds: float) -> None:
        if seconds:
            self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)
