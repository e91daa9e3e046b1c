"""One thread in which a function is called that may do anything: block, await, never return."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """Runs one thing at a time, all in the same thread and with the same event loop.

    Libraries keep connections, and locks, by thread and by loop. The thread does not keep the
    process alive.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._work, daemon=True, name="adapter").start()

    async def do(self, job: Callable[[], T], timeout: float) -> T:  # noqa: ASYNC109  # the job isn't ours to cancel
        """What ``job`` returns, or raises. Raises TimeoutError after ``timeout`` seconds.

        After that the worker is of no more use: the job goes on.
        """
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return await asyncio.wait_for(asyncio.wrap_future(future), timeout)

    def awaited(self, value: Awaitable[T]) -> T:
        """What comes of ``value``; to be called by a job."""
        return self._loop.run_until_complete(_as_coroutine(value))

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        while True:
            job, future = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001  # whatever it is, the asker is told
                future.set_exception(error)


async def _as_coroutine(value: Awaitable[T]) -> T:
    return await value
