"""The reference server over HTTP: whole, or breaking exactly one check.

:func:`serve` runs until it is stopped, :func:`running` serves a block of code, as in a test. The
model ``reference`` does everything and needs no key; the others take any key.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final

from conformance.registry import Check
from conformance.serve.connections import Connections
from conformance.serve.desk import Desk
from conformance.serve.reach import demonstrations, unreachable

__all__ = ["background", "demonstrations", "running", "serve", "unreachable"]

LOCAL: Final = "127.0.0.1"
PATIENCE: Final = 10.0
"""Seconds that a server in the background may take to start, and to stop."""


def serve(  # what can be chosen about a server
    host: str = LOCAL,
    port: int = 0,
    breaking: Check | None = None,
    pace: float = 0.0,
    on_ready: Callable[[str], None] = print,
) -> None:
    """Serve until interrupted; ``on_ready`` is told the base URL as soon as requests are taken.

    ``pace`` is how many real seconds a second of an answer takes. At 0 nobody waits, though the
    pieces of a stream are still sent one by one: a check about time is broken in real time only,
    so it takes a pace of 1, or one near it. Port 0 is any free one.

    Raises OSError where the address can't be had, and KeyboardInterrupt when interrupted.
    """
    asyncio.run(_serve(Connections(Desk(breaking, pace).answer, pace), host, port, on_ready))


@contextmanager
def running(breaking: Check | None = None, pace: float = 0.0) -> Iterator[str]:
    """Serve in the background for as long as the block lasts, and give it the base URL."""
    with background(Connections(Desk(breaking, pace).answer, pace)) as origin:
        yield f"{origin}/v1"


@contextmanager
def background(connections: Connections, port: int = 0) -> Iterator[str]:
    """Take connections in a thread for as long as the block lasts, which is given the origin.

    Raises OSError where the port can't be had.
    """
    started: Future[tuple[str, Callable[[], object]]] = Future()

    async def serving() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with connections.taken(LOCAL, port) as taken:
                origin = f"http://{LOCAL}:{taken}"
                started.set_result((origin, lambda: loop.call_soon_threadsafe(stop.set)))
                await stop.wait()
        except OSError as error:
            started.set_exception(error)

    thread = threading.Thread(target=asyncio.run, args=(serving(),), daemon=True)
    thread.start()
    origin, stop = started.result(PATIENCE)
    try:
        yield origin
    finally:
        stop()
        thread.join(PATIENCE)


async def _serve(
    connections: Connections, host: str, port: int, on_ready: Callable[[str], None]
) -> None:
    async with connections.taken(host, port) as taken:
        shown = f"[{host}]" if ":" in host else host
        on_ready(f"http://{shown}:{taken}/v1")
        await asyncio.Event().wait()
