"""How fast a provider is asked, how long to wait before asking again, and when to stop."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from conformance.routes import Unanswered

FIRST_WAIT: Final = 0.5
"""Seconds before the second attempt, at most; each later wait may be twice as long."""


def _today() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, which tests replace."""

    now: Callable[[], float] = time.monotonic
    today: Callable[[], datetime] = _today
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


class Slots:
    """So many at a time. Of those who wait, the highest rank goes first, else who came first."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._came = itertools.count()

    async def acquire(self, rank: int) -> None:
        """Wait for a slot, which is to be released."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-rank, next(self._came), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # it was this one's turn just as it gave up
            raise

    def release(self) -> None:
        """Give a slot back, to the next who waits."""
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Pace:
    """What one provider bears: so many requests at once, so many a minute, none in a pause."""

    def __init__(self, concurrency: int, rpm: int | None, clock: Clock) -> None:
        self._slots = Slots(max(concurrency, 1))
        self._gap = 60 / rpm if rpm else 0.0
        self._next = self._resume = clock.now()
        self._clock = clock

    @asynccontextmanager
    async def slot(self, rank: int = 0) -> AsyncIterator[None]:
        """Wait until a request may be sent; within it, that request is in flight."""
        await self._slots.acquire(rank)
        try:
            # Others may take this turn, or a pause begin, while this one sleeps.
            while (wait := max(self._next, self._resume) - self._clock.now()) > 0:
                await self._clock.sleep(wait)
            self._next = self._clock.now() + self._gap
            yield
        finally:
            self._slots.release()

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, also not what waits already."""
        self._resume = max(self._resume, self._clock.now() + seconds)


def backoff(attempt: int, longest: float, clock: Clock) -> float:
    """Seconds to wait after ``attempt`` (from 1): exponential with full jitter."""
    return clock.chance() * min(FIRST_WAIT * 2.0 ** min(attempt, 32), longest)


def retry_after(value: str | None, longest: float, clock: Clock) -> float | None:
    """The seconds a Retry-After field asks for (RFC 9110 section 10.2.3), at most ``longest``.

    None for a field that is absent or means nothing.
    """
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:20]), longest)
    try:
        when = parsedate_to_datetime(value[:100])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:  # RFC 5322: -0000 is UTC of which nobody knows where
        when = when.replace(tzinfo=UTC)
    return min(max((when - clock.today()).total_seconds(), 0.0), longest)


class Budget:
    """How many requests may be made and tokens spent, by all providers together; None is no limit.

    A request reserves the most it may cost before it is sent, and is settled when it is over.
    """

    def __init__(self, max_requests: int | None = None, max_tokens: int | None = None) -> None:
        self.max_requests = max_requests
        self.max_tokens = max_tokens
        self.requests = 0
        """Attempts that were granted."""
        self.tokens = 0
        """Tokens that were spent."""
        self._reserved = 0
        self._settled = asyncio.Event()

    async def reserve(self, tokens: int) -> None:
        """Grant one attempt of at most ``tokens``, when enough of what is in flight is settled.

        Raises Unanswered when the budget has no room for it.
        """
        while self._is_short(tokens):
            self._settled.clear()
            await self._settled.wait()
        self._grant(tokens)

    def try_reserve(self, tokens: int) -> bool:
        """Grant one more attempt if there is room for it at once."""
        try:
            granted = not self._is_short(tokens)
        except Unanswered:
            return False
        if granted:
            self._grant(tokens)
        return granted

    def settle(self, reserved: int, spent: int) -> None:
        """Say what an attempt really cost."""
        self._reserved -= reserved
        self.tokens += spent
        self._settled.set()

    def _grant(self, tokens: int) -> None:
        self.requests += 1
        self._reserved += tokens

    def _is_short(self, tokens: int) -> bool:
        """Whether there may be room later. Raises Unanswered when there never will be."""
        if self.max_requests is not None and self.requests >= self.max_requests:
            made = f"all {self.max_requests} requests of --max-requests are made"
            raise Unanswered(f"{made}; allow more to go on")
        if self.max_tokens is None:
            return False
        if self.tokens + tokens > self.max_tokens:
            spent = f"{self.tokens} of {self.max_tokens} tokens of --max-tokens are spent"
            raise Unanswered(f"{spent} and this may cost {tokens}; allow more to go on")
        return self.tokens + self._reserved + tokens > self.max_tokens
