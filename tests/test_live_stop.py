"""An interrupted run: what was answered is kept, what was not is let go, and it goes on later."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from live_server import KEY, Asked, Ticking, ask, pieces, raw, run, saying, serving, unused

from conformance.model import Exchange, Request
from conformance.routes import Call
from conformance.routes.http import Budget, Http, Options
from conformance.targets import Target, endpoint


@dataclass
class Memory:
    """A store that forgets nothing."""

    kept: list[Exchange] = field(default_factory=list)
    had: list[Exchange] = field(default_factory=list)
    asked: list[tuple[Call, int, Request]] = field(default_factory=list)
    closed: list[Call] = field(default_factory=list)

    def take(self, call: Call, number: int, request: Request) -> list[Exchange] | None:
        self.asked.append((call, number, request))
        return list(self.had) or None

    def keep(self, call: Call, exchange: Exchange) -> None:
        assert exchange.id.startswith(call.name)
        self.kept.append(exchange)

    def close(self, call: Call) -> None:
        self.closed.append(call)


def answered(status: int) -> list[Exchange]:
    async def story() -> list[Exchange]:
        http = Http({}, Options(retries=1), clock=Ticking().clock())
        async with serving(saying(raw(status))) as server, http:
            return await ask(http, server.target())

    return run(story())


def test_every_attempt_is_kept_before_the_answer_is_there() -> None:
    memory = Memory()
    seen: list[int] = []

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        del asked
        seen.append(len(memory.kept))
        writer.write(raw(503, b"%d" % len(seen)))
        await writer.drain()

    async def story() -> list[Exchange]:
        http = Http({}, store=memory, clock=Ticking().clock())
        async with serving(answer) as server, http:
            return await ask(http, server.target())

    attempts = run(story())
    assert seen == [0, 1, 2]
    assert memory.kept == attempts
    assert [one.retried for one in memory.kept] == [True, True, False]


def test_what_was_answered_is_not_asked_again() -> None:
    memory = Memory(had=answered(200))

    async def story() -> list[Exchange]:
        # Neither a key, nor a budget, nor a server is needed.
        target = Target("here", "m", f"{unused()}/v1", key="NOBODY_HAS_IT")
        budget = Budget(max_requests=0)
        async with Http({}, store=memory, budget=budget) as http:
            return await http.send(Call(target, "chat.basic"), 3, target.chat("Hi."))

    assert run(story()) == memory.had
    assert memory.kept == []
    ((call, number, request),) = memory.asked
    assert (call.probe, number) == ("chat.basic", 3)
    assert request.url.endswith("/v1/chat/completions")


def test_an_attempt_that_was_to_be_repeated_is_no_answer() -> None:
    memory = Memory(had=answered(503)[:1])
    assert memory.had[0].retried

    async def story() -> tuple[list[Exchange], int]:
        async with serving(saying(raw(200))) as server, Http({}, store=memory) as http:
            return await ask(http, server.target()), len(server.asked)

    attempts, asked = run(story())
    assert attempts == [*memory.had, *memory.kept]
    assert [one.retried for one in attempts] == [True, False]
    assert asked == 1


def test_the_store_is_asked_without_the_key() -> None:
    memory = Memory()

    async def story() -> None:
        http = Http({"HERE_KEY": KEY}, store=memory)
        async with serving(saying(raw(200))) as server, http:
            await ask(http, server.target(key="HERE_KEY"))

    run(story())
    assert KEY not in repr(memory.asked)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n{"])
def test_a_cancelled_request_is_not_kept_and_its_connection_is_closed(head: bytes) -> None:
    memory = Memory()
    changes: list[tuple[int, int]] = []

    async def story() -> None:
        http = Http({}, store=memory, on_change=lambda *now: changes.append(now))
        quickly, slowly = saying(raw(200)), pieces(head, 60.0)
        async with serving(quickly) as quick, serving(slowly) as stuck, http:
            await ask(http, quick.target())
            asking = asyncio.create_task(ask(http, stuck.target()))
            await stuck.reached.wait()
            await asyncio.sleep(0.1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            with suppress(ConnectionError):  # a hard way of hanging up
                assert await stuck.readers[0].read() == b""

    run(story())
    assert len(memory.kept) == 1
    assert changes[-1] == (0, 2)


def test_ctrl_c_keeps_what_was_answered_and_leaves_nothing_open() -> None:
    memory = Memory()

    async def story() -> None:
        http, stuck = Http({}, store=memory), pieces(60.0)
        async with serving(saying(raw(200))) as quick, serving(stuck) as silent, http:
            await ask(http, quick.target())
            asking = [ask(http, silent.target()) for _ in range(4)]
            loop = asyncio.get_running_loop()
            loop.call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
            await asyncio.gather(*asking)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(story())
    gc.collect()
    assert len(memory.kept) == 1


def test_a_request_that_waits_for_its_turn_can_be_cancelled() -> None:
    async def story() -> None:
        budget = Budget(max_tokens=10_000)
        async with serving(saying(raw(200, b'{"usage":{"total_tokens":1}}'))) as server:
            async with Http({}, Options(rpm=1), budget=budget) as http:
                await ask(http, server.target())
                waiting = asyncio.create_task(ask(http, server.target()))
                await asyncio.sleep(0.05)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            assert len(server.asked) == 1
            assert budget.tokens == 1

    run(story())


def test_a_store_is_told_when_a_call_is_over() -> None:
    memory, call = Memory(), Call(endpoint("http://127.0.0.1/v1", "m", None), "chat.basic")
    assert Http({}, store=memory).close(call) == []
    assert memory.closed == [call]
