"""How fast a provider is asked, and when it is asked again."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_server import (
    Answer,
    Asked,
    Server,
    Ticking,
    ask,
    at,
    endless,
    pieces,
    raw,
    run,
    saying,
    serving,
    unused,
)

from conformance.model import Exchange
from conformance.routes.http import Http, Options
from conformance.routes.pace import Clock, Pace, backoff, retry_after

BUSY = raw(503, b"{}")
FINE = raw(200, b'{"usage": {}}')


async def story(
    answer: Answer, ticking: Ticking | None = None, **options: Any
) -> tuple[list[Exchange], Server]:
    """The attempts at one request, on a clock that does not wait."""
    clock = (ticking or Ticking()).clock()
    http = Http({}, Options(**{"timeout": 5, **options}), clock=clock)
    async with serving(answer) as server, http:
        return await ask(http, server.target()), server


def statuses(exchanges: list[Exchange]) -> list[int | None]:
    return [one.response.status if one.response else None for one in exchanges]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_asked_again(status: int) -> None:
    attempts, server = run(story(saying(raw(status), FINE)))
    assert statuses(attempts) == [status, 200]
    assert [one.retried for one in attempts] == [True, False]
    assert len({one.request for one in attempts}) == 1
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 408, 409, 422, 501, 505])
def test_what_is_an_answer_is_not_asked_again(status: int) -> None:
    attempts, server = run(story(saying(raw(status), FINE)))
    assert statuses(attempts) == [status]
    assert [one.retried for one in attempts] == [False]
    assert len(server.asked) == 1


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_retries_have_an_end_and_every_attempt_is_told(retries: int) -> None:
    attempts, server = run(story(saying(BUSY), retries=retries))
    assert statuses(attempts) == [503] * (retries + 1)
    assert [one.retried for one in attempts] == [True] * retries + [False]
    assert len(server.asked) == retries + 1


def test_a_crash_that_is_the_same_twice_is_no_accident() -> None:
    attempts, _ = run(story(saying(raw(500, b"boom"), raw(500, b"boom"), FINE), retries=9))
    assert statuses(attempts) == [500, 500]
    assert [one.retried for one in attempts] == [True, False]


def test_a_crash_that_differs_is_asked_again() -> None:
    crashes = [raw(500, b"one"), raw(500, b"two"), raw(502, b"two"), raw(500, b"two"), FINE]
    attempts, _ = run(story(saying(*crashes), retries=9))
    assert statuses(attempts) == [500, 500, 502, 500, 200]


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        (pieces(), 3),
        (pieces(b"nonsense\r\n\r\n"), 1),
        (pieces(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), 1),
        (pieces(b"HTTP/1.1 503 No\r\ncontent-length: 9\r\n\r\n{"), 1),
        (endless(b"HTTP/1.1 503 No\r\n\r\n", b".", 0.05), 1),
        (endless(b"", b"", 0.05), 1),
    ],
    ids=["no answer", "nonsense", "cut", "cut refusal", "drip", "silence"],
)
def test_a_failure_is_asked_again_only_before_any_answer(answer: Answer, asked: int) -> None:
    attempts, server = run(story(answer, timeout=0.3))
    assert len(attempts) == len(server.asked) == asked
    assert all(one.failure for one in attempts)


def test_nobody_listening_may_have_just_started() -> None:
    async def asking() -> list[Exchange]:
        async with Http({}, Options(), clock=Ticking().clock()) as http:
            return await ask(http, at(unused()))

    attempts = run(asking())
    assert [one.failure.kind for one in attempts if one.failure] == ["connect_refused"] * 3
    assert [one.retried for one in attempts] == [True, True, False]


def test_waits_grow_and_are_drawn_by_lot() -> None:
    ticking = Ticking(luck=0.5)
    run(story(saying(BUSY), ticking, retries=5, patience=6.0))
    assert ticking.slept == [0.5, 1.0, 2.0, 3.0, 3.0]


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0, 100))
def test_a_wait_is_never_longer_than_our_patience(attempt: int, luck: float, most: float) -> None:
    assert 0 <= backoff(attempt, most, Clock(chance=lambda: luck)) <= most


TODAY = "Sat, 21 Nov 2026 12:00:{} {}"


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("60", 60),
        ("61", 60),
        ("3600", 60),
        ("9" * 5000, 60),
        (TODAY.format("09", "GMT"), 9),
        (TODAY.format("09", "-0000"), 9),
        ("Sat, 21 Nov 2026 13:00:05 +0100", 5),
        ("Saturday, 21-Nov-26 12:00:03 GMT", 3),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e9", None),
        ("\u0667", None),
        ("nan", None),
        ("soon", None),
        ("Sat, 99 Nov 2026 99:00:00 GMT", None),
        ("Sat, 21 Nov 99999999999 12:00:00 GMT", None),
        ("Sat, 21 Nov 2026 12:00:00 +999999999999", None),
    ],
)
def test_retry_after_is_read_leniently_and_capped(field: str | None, seconds: float | None) -> None:
    clock = Clock(today=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert retry_after(field, 60, clock) == seconds


@given(st.text(max_size=60))
def test_retry_after_may_be_anything(field: str) -> None:
    wait = retry_after(field, 60, Clock())
    assert wait is None or 0 <= wait <= 60


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(status: int) -> None:
    ticking = Ticking()
    attempts, _ = run(story(saying(raw(status, retry_after="7"), FINE), ticking))
    assert statuses(attempts) == [status, 200]
    assert sum(ticking.slept) == pytest.approx(7)


@pytest.mark.parametrize(("status", "paused"), [(429, True), (503, False)])
def test_too_many_requests_pause_the_whole_provider(*, status: int, paused: bool) -> None:
    ticking = Ticking()
    times: list[float] = []
    answers = iter([raw(status, retry_after="7"), FINE, FINE])

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        del asked
        times.append(ticking.time)
        writer.write(next(answers))
        await writer.drain()

    async def asking() -> None:
        async with serving(answer) as server:
            options = Options(concurrency=1, retries=0)
            async with Http({}, options, clock=ticking.clock()) as http:
                one, other = server.target(), server.target(provider="elsewhere")
                await asyncio.gather(ask(http, one), ask(http, one))
                times.append(ticking.time)
                await ask(http, other)

    run(asking())
    first, second, *_ = times
    assert second - first == (7 if paused else 0)


class Hours:
    """A clock on which an hour passes as soon as everybody waits for it."""

    def __init__(self) -> None:
        self.time = 0.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    async def sleep(self, seconds: float) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (self.time + seconds, self._count, waiting))
        await waiting

    async def until(self, *doing: Coroutine[Any, Any, None]) -> None:
        tasks = [asyncio.create_task(one) for one in doing]
        while not all(task.done() for task in tasks):
            for _ in range(50):
                await asyncio.sleep(0)
            if self._waiting:
                self.time, _, waiting = heapq.heappop(self._waiting)
                waiting.set_result(None)
        await asyncio.gather(*tasks)


@pytest.mark.parametrize(("concurrency", "rpm"), [(1, 60), (4, 60), (16, 120), (3, 7)])
def test_no_more_a_minute_than_allowed_and_no_more_at_once(concurrency: int, rpm: int) -> None:
    hours = Hours()
    pace = Pace(concurrency, rpm, Clock(now=lambda: hours.time, sleep=hours.sleep))
    started: list[float] = []
    busy: list[int] = [0]

    async def one(takes: float) -> None:
        async with pace.slot():
            started.append(hours.time)
            busy.append(busy[-1] + 1)
            await hours.sleep(takes)
            busy.append(busy[-1] - 1)

    run(hours.until(*(one(takes % 5) for takes in range(40))))
    assert len(started) == 40
    assert max(busy) <= concurrency
    gaps = [after - before for before, after in pairwise(started)]
    assert min(gaps) >= 60 / rpm - 1e-9
    if concurrency == 16:
        assert max(gaps) <= 60 / rpm + 1e-9  # nor slower than need be


def test_a_pause_holds_those_who_wait_already_and_the_longest_counts() -> None:
    hours = Hours()
    pace = Pace(8, 60, Clock(now=lambda: hours.time, sleep=hours.sleep))
    started: list[float] = []

    async def one() -> None:
        async with pace.slot():
            started.append(hours.time)
            if len(started) == 2:
                pace.pause(30)
                pace.pause(3)

    run(hours.until(*(one() for _ in range(4))))
    assert started == [0, 1, 31, 32]


def test_without_a_limit_nobody_waits() -> None:
    hours = Hours()
    pace = Pace(8, None, Clock(now=lambda: hours.time, sleep=hours.sleep))

    async def one() -> None:
        async with pace.slot():
            pass

    run(hours.until(*(one() for _ in range(100))))
    assert hours.time == 0


def test_the_rate_is_kept_over_the_wire() -> None:
    ticking = Ticking()
    times: dict[int, float] = {}

    async def asking() -> None:
        def changed(_: int, sent: int) -> None:
            times.setdefault(sent, ticking.time)

        http = Http({}, on_change=changed, clock=ticking.clock())
        async with serving(saying(FINE)) as server, http:
            await asyncio.gather(*(ask(http, server.target(rpm=30)) for _ in range(10)))

    run(asking())
    assert [after - before for before, after in pairwise(times.values())] == [2.0] * 9


@pytest.mark.parametrize(("option", "bound"), [(None, 3), (5, 5)])
def test_no_more_at_once_than_the_provider_bears(option: int | None, bound: int) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        del asked
        await asyncio.sleep(0.01)
        writer.write(FINE)
        await writer.drain()

    seen: list[tuple[int, int]] = []

    async def asking() -> Server:
        async with serving(answer) as server:
            options = Options(concurrency=option)
            async with Http({}, options, on_change=lambda *now: seen.append(now)) as http:
                # Two models of one provider share its bounds.
                targets = [server.target(concurrency=3, model=name) for name in "ab" * 20]
                await asyncio.gather(*(ask(http, target) for target in targets))
            return server

    server = run(asking())
    assert server.busiest == bound
    assert max(in_flight for in_flight, _ in seen) == bound
    assert seen[-1] == (0, 40)
    assert server.connections <= bound


def test_providers_do_not_wait_for_each_other() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        del asked
        await asyncio.sleep(0.05)
        writer.write(FINE)
        await writer.drain()

    async def asking() -> int:
        async with serving(answer) as server, Http({}, Options(concurrency=1)) as http:
            targets = [server.target(provider=name) for name in "abcd"]
            await asyncio.gather(*(ask(http, target) for target in targets))
            return server.busiest

    assert run(asking()) == 4


def test_what_is_known_of_an_answer_is_told() -> None:
    async def asking() -> Exchange:
        async with serving(saying(FINE)) as server, Http({}, clock=Ticking().clock()) as http:
            (exchange,) = await ask(http, server.target(software="llama.cpp"))
            return exchange

    exchange = run(asking())
    assert exchange.id == "here/m::chat.basic#1"
    assert exchange.provenance.recorded_at == "2026-11-21T12:00:00+00:00"
    assert exchange.provenance.software == "llama.cpp"
    assert exchange.provenance.lacks == frozenset()
    assert exchange.probe == "chat.basic"
