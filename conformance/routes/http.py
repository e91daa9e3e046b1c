"""The live route: requests go to the provider over HTTP, and what comes back is kept as it came.

A key goes to its own target and nowhere else: no redirect is followed, and nothing is sent in
plain text that leaves this machine. Nobody is asked faster than they bear, or more than allowed.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from types import TracebackType
from typing import Final, Protocol, Self

import httpx

from conformance.cost import ceiling
from conformance.model import Exchange, Provenance, Request, Response, Source
from conformance.routes import Call, addressed
from conformance.routes.failures import BEFORE_ANY_ANSWER, NEVER_SENT
from conformance.routes.fetch import fetch
from conformance.routes.guard import proxy_for, ready
from conformance.routes.pace import Budget, Clock, Pace, backoff, retry_after
from conformance.routes.transport import Heard
from conformance.targets import Target

__all__ = ["Budget", "Http", "Options", "Store"]

RETRIED: Final = frozenset({429, 500, 502, 503, 504, 529})
"""The statuses that may be another the next time; 529 is Anthropic's "overloaded"."""
TOO_MANY: Final = 429
CRASHED: Final = 500
_TOTAL: Final = re.compile(rb'"total_tokens"\s*:\s*(\d{1,15})(?!\d)')


class Store(Protocol):
    """Keeps the answers of a run, so that an interrupted one can go on."""

    def take(self, call: Call, number: int, request: Request) -> list[Exchange] | None:
        """What ``send`` returned for this request before, or None. The request has no key."""

    def keep(self, call: Call, exchange: Exchange) -> None:
        """Called with each attempt, the retried ones too, as soon as it is complete."""

    def close(self, call: Call) -> object:
        """Called when nothing more is asked in this call."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to ask, for all targets; None leaves it to each target."""

    concurrency: int | None = None
    """Requests in flight, to each provider."""
    rpm: int | None = None
    """Requests a minute, to each provider."""
    timeout: float | None = None
    """Seconds one attempt may take."""
    retries: int = 2
    patience: float = 60.0
    """Seconds to wait before a retry, at most, whatever a server asks for."""
    allow_http: bool = False
    """Whether plain HTTP may leave this machine."""


class Http:
    """The route over HTTP, to be closed with ``aclose`` or by ``async with``.

    ``keys`` holds the values of the environment variables that targets name. ``on_change`` is
    called with how many requests are in flight and how many were sent, whenever that changes.
    """

    def __init__(  # noqa: PLR0913  # what a run is given, each with a default
        self,
        keys: Mapping[str, str],
        options: Options | None = None,
        *,
        budget: Budget | None = None,
        store: Store | None = None,
        on_change: Callable[[int, int], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._keys = keys
        self._options = options or Options()
        self._budget = budget or Budget()
        self._store = store
        self._on_change = on_change or (lambda in_flight, sent: None)  # noqa: ARG005  # nobody looks
        self._clock = clock or Clock()
        self._paces: dict[str, Pace] = {}
        self._pools: dict[tuple[str, str, int | None], httpx.AsyncHTTPTransport] = {}
        self._in_flight = self._sent = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        while self._pools:
            await self._pools.popitem()[1].aclose()

    def close(self, call: Call) -> list[str]:
        """As in :class:`conformance.routes.Route`: there is never anything wrong."""
        if self._store:
            self._store.close(call)
        return []

    async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
        """As in :class:`conformance.routes.Route`. Raises Unanswered."""
        asked = addressed(call.target, request, None)
        attempts = (self._store and self._store.take(call, number, asked)) or []
        if attempts and not attempts[-1].retried:
            return attempts
        reached = call.target.reached
        sent = ready(reached, request, self._keys, allow_http=self._options.allow_http)
        self._pool(sent.url)  # raises for a useless proxy, before anything is spent
        cost = ceiling(sent)
        await self._budget.reserve(cost)
        told = replace(sent, url=asked.url)
        wait: float | None = 0.0
        while wait is not None:
            heard = await self._attempt(call.target, sent, cost, wait, number)
            wait = self._wait(call.target, heard, attempts, cost)
            attempts.append(self._kept(call, number, told, heard, retried=wait is not None))
        return attempts

    def _kept(
        self, call: Call, number: int, request: Request, heard: Heard, *, retried: bool
    ) -> Exchange:
        provenance = Provenance(
            Source.LOCAL if call.target.is_local else Source.LIVE,
            recorded_at=self._clock.today().isoformat(timespec="seconds"),
            software=call.target.software,
        )
        response, failure = heard.response, heard.failure
        done = call.exchange(number, request, response, provenance, failure, retried=retried)
        if self._store:
            self._store.keep(call, done)
        return done

    async def _attempt(
        self, target: Target, request: Request, cost: int, wait: float, number: int
    ) -> Heard:
        """Send ``request`` once, when it is its turn; settles its reservation whatever happens.

        Conversations go on before others begin, or the longest would outlast all the rest.
        """
        timeout = self._options.timeout or target.timeout
        spent = 0
        try:
            await self._clock.sleep(wait)
            async with self._pace(target).slot(number):
                spent = cost
                with self._flying():
                    heard = await fetch(self._pool(request.url), request, timeout)
            spent = _spent(heard, cost)
        finally:
            self._budget.settle(cost, spent)
        return heard

    @contextmanager
    def _flying(self) -> Iterator[None]:
        self._sent += 1
        self._in_flight += 1
        self._on_change(self._in_flight, self._sent)
        try:
            yield
        finally:
            self._in_flight -= 1
            self._on_change(self._in_flight, self._sent)

    def _wait(
        self, target: Target, heard: Heard, earlier: list[Exchange], cost: int
    ) -> float | None:
        """Seconds until the next attempt, which is reserved; None when this one was the last.

        Too many requests pause the whole provider.
        """
        response, longest = heard.response, self._options.patience
        field = response.headers.get("retry-after") if response else None
        wait = retry_after(field, longest, self._clock)
        if wait is None:
            wait = backoff(len(earlier) + 1, longest, self._clock)
        if response and response.status == TOO_MANY:
            self._pace(target).pause(wait)
        again = len(earlier) < self._options.retries and _may_differ(heard, earlier)
        return wait if again and self._budget.try_reserve(cost) else None

    def _pace(self, target: Target) -> Pace:
        if target.provider not in self._paces:
            concurrency = self._options.concurrency or target.concurrency
            rpm = self._options.rpm or target.rpm
            self._paces[target.provider] = Pace(concurrency, rpm, self._clock)
        return self._paces[target.provider]

    def _pool(self, address: str) -> httpx.AsyncHTTPTransport:
        """The connections to one host, all with the same TLS settings: those take 30 ms to make.

        Raises Unanswered.
        """
        url = httpx.URL(address)
        origin = (url.scheme, url.host, url.port)
        if origin not in self._pools:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
            self._pools[origin] = httpx.AsyncHTTPTransport(
                verify=self._tls, limits=limits, trust_env=False, proxy=proxy_for(url)
            )
        return self._pools[origin]

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()


def _may_differ(heard: Heard, earlier: list[Exchange]) -> bool:
    """Whether the same request may get another answer than this one."""
    response, failure = heard.response, heard.failure
    if response is None:
        return failure is not None and failure.kind in BEFORE_ANY_ANSWER
    if failure or response.status not in RETRIED:
        return False
    before = earlier[-1].response if earlier else None
    # A crash that is the same twice is no accident.
    return response.status != CRASHED or before is None or _differ(response, before)


def _differ(one: Response, other: Response) -> bool:
    return (one.status, one.body) != (other.status, other.body)


def _spent(heard: Heard, cost: int) -> int:
    """The tokens an attempt cost: what its usage says; nothing when refused; else ``cost``."""
    if heard.response is None:
        return 0 if heard.failure and heard.failure.kind in NEVER_SENT else cost
    totals = _TOTAL.findall(heard.response.body)
    if totals:
        return int(totals[-1])  # in a stream usage comes last
    return 0 if 400 <= heard.response.status < 500 else cost  # noqa: PLR2004  # RFC 9110, 15.5
