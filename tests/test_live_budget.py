"""No more is sent than was allowed, however much is asked at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_server import Answer, Asked, Server, Ticking, ask, pieces, raw, run, saying, serving

from conformance.cost import ceiling
from conformance.model import Exchange
from conformance.routes import Unanswered
from conformance.routes.http import Budget, Http, Options

CONCURRENCY = Options(concurrency=16)


def slowly(body: bytes, status: int = 200) -> Answer:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        del asked
        await asyncio.sleep(0.005)
        writer.write(raw(status, body))
        await writer.drain()

    return answer


async def many(
    answer: Answer, budget: Budget, times: int = 40, **options: Any
) -> tuple[list[list[Exchange] | BaseException], Server]:
    """What came of so many requests at once."""
    chosen = Options(**{"concurrency": 16, **options})
    http = Http({}, chosen, budget=budget, clock=Ticking().clock())
    async with serving(answer) as server, http:
        asking = [ask(http, server.target()) for _ in range(times)]
        return await asyncio.gather(*asking, return_exceptions=True), server


def refused(results: list[list[Exchange] | BaseException]) -> list[str]:
    assert all(isinstance(one, list | Unanswered) for one in results)
    return [str(one) for one in results if isinstance(one, Unanswered)]


@pytest.mark.parametrize("most", [1, 7, 16, 39])
def test_requests_are_exactly_as_many_as_allowed(most: int) -> None:
    budget = Budget(max_requests=most)
    results, server = run(many(slowly(b"{}"), budget))
    assert len(server.asked) == budget.requests == most
    told = refused(results)
    assert len(told) == 40 - most
    assert all("--max-requests" in one and str(most) in one for one in told)


@pytest.mark.parametrize("most", [1, 10, 41, 119])
def test_every_retry_counts(most: int) -> None:
    budget = Budget(max_requests=most)
    results, server = run(many(slowly(b"{}", 503), budget, retries=2))
    assert len(server.asked) == most
    attempts = [one for one in results if isinstance(one, list)]
    assert sum(len(one) for one in attempts) == most
    # Where there was no room for another try, the last answer is the answer.
    assert all([e.retried for e in one] == [True] * (len(one) - 1) + [False] for one in attempts)


def test_once_it_is_spent_nothing_more_is_sent() -> None:
    async def story() -> None:
        async with serving(saying(raw(200))) as server:
            async with Http({}, budget=Budget(max_requests=1)) as http:
                await ask(http, server.target())
                for _ in range(3):
                    with pytest.raises(Unanswered, match="--max-requests"):
                        await ask(http, server.target())
            assert len(server.asked) == 1

    run(story())


def test_tokens_are_what_the_answers_say() -> None:
    budget = Budget(max_tokens=1_000_000)
    run(many(slowly(b'{"usage": {"total_tokens": 25}}'), budget, times=4))
    assert budget.tokens == 100


def test_tokens_in_flight_are_never_more_than_are_left() -> None:
    async def story() -> None:
        async with serving(slowly(b'{"usage":{"total_tokens":10}}')) as server:
            most = ceiling(server.target().chat("Hi."))
            budget = Budget(max_tokens=3 * most)
            async with Http({}, CONCURRENCY, budget=budget) as http:
                asking = [ask(http, server.target()) for _ in range(20)]
                results = await asyncio.gather(*asking)
            assert len(results) == 20  # they waited for each other, and nobody was turned away
            assert server.busiest == 3
            assert budget.tokens == 200

    run(story())


def test_tokens_never_pass_the_budget() -> None:
    async def story() -> None:
        async with serving(slowly(b'{"no": "usage"}')) as server:
            most = ceiling(server.target().chat("Hi."))
            budget = Budget(max_tokens=5 * most + 3)
            async with Http({}, CONCURRENCY, budget=budget) as http:
                asking = [ask(http, server.target()) for _ in range(40)]
                results = await asyncio.gather(*asking, return_exceptions=True)
            told = refused(results)
            assert len(server.asked) == 5
            assert budget.tokens == 5 * most
            assert len(told) == 35
            assert all("--max-tokens" in one for one in told)

    run(story())


@pytest.mark.parametrize(
    ("answer", "spent"),
    [
        (saying(raw(200, b'{"usage": {"total_tokens": 7}}')), 7),
        (saying(raw(200, b'{"usage" : {"total_tokens" :\n 7 }}')), 7),
        (
            saying(
                raw(
                    200,
                    b'data: {"usage": {"total_tokens": 3}}\n\n'
                    b'data: {"usage": {"total_tokens": 9}}\n\ndata: [DONE]\n\n',
                    content_type="text/event-stream",
                )
            ),
            9,
        ),
        (saying(raw(400, b'{"usage": {"total_tokens": 7}}')), 7),
        (saying(raw(400)), 0),
        (saying(raw(429)), 0),
        (saying(raw(500)), None),
        (saying(raw(200)), None),
        (saying(raw(200, b'{"usage": {"total_tokens": null}}')), None),
        (saying(raw(200, b'{"usage": {"total_tokens": -5}}')), None),
        (saying(raw(200, b'{"usage": {"total_tokens": "7"}}')), None),
        (saying(raw(200, b'{"usage": {"total_tokens": ' + b"9" * 5000 + b"}}")), None),
        (saying(raw(200, b'{"content": "{\\"total_tokens\\": 7}"}')), None),
        (pieces(), None),
        (pieces(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), None),
    ],
)
def test_tokens_are_read_leniently_and_estimated_else(answer: Answer, spent: int | None) -> None:
    async def story() -> tuple[int, int]:
        budget = Budget(max_tokens=100_000)
        async with serving(answer) as server:
            async with Http({}, Options(retries=0), budget=budget) as http:
                await ask(http, server.target())
            return budget.tokens, ceiling(server.target().chat("Hi."))

    tokens, most = run(story())
    assert tokens == (most if spent is None else spent)


def test_nobody_waits_for_what_was_cancelled() -> None:
    async def story() -> None:
        async with serving(pieces(60.0)) as server:
            most = ceiling(server.target().chat("Hi."))
            budget = Budget(max_tokens=most + 50)
            async with Http({}, budget=budget) as http:
                stuck = asyncio.create_task(ask(http, server.target()))
                await server.reached.wait()
                waiting = asyncio.gather(
                    *(ask(http, server.target()) for _ in range(5)), return_exceptions=True
                )
                await asyncio.sleep(0.05)
                assert not waiting.done()
                stuck.cancel()
                assert len(refused(await waiting)) == 5
            assert budget.tokens == most  # what was sent may have been paid for
            assert len(server.asked) == 1

    run(story())


def test_who_waits_for_tokens_is_told_when_they_are_spent() -> None:
    async def story() -> None:
        budget = Budget(max_tokens=100)
        await budget.reserve(80)
        waiting = asyncio.create_task(budget.reserve(50))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        budget.settle(80, 80)
        with pytest.raises(Unanswered, match="80 of 100 tokens"):
            await waiting
        await budget.reserve(20)

    run(story())


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), max_size=30))
def test_a_budget_is_kept_whatever_is_asked(costs: list[tuple[int, int]]) -> None:
    async def story() -> None:
        budget = Budget(max_requests=20, max_tokens=200)

        async def one(most: int, really: int) -> None:
            try:
                await budget.reserve(most)
            except Unanswered:
                return
            await asyncio.sleep(0)
            budget.settle(most, min(most, really))

        await asyncio.gather(*(one(most, really) for most, really in costs))
        assert budget.tokens <= 200
        assert budget.requests <= 20

    asyncio.run(asyncio.wait_for(story(), 5))
