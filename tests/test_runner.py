"""The runner: it has the conversations, over any route, and says what kept one from being whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from conformance.engine import Audit, Checks
from conformance.model import (
    Chunk,
    Exchange,
    Failure,
    Headers,
    Outcome,
    Provenance,
    Request,
    Response,
    Source,
    Verdict,
)
from conformance.probe import MOST, Probe, Steps, probes
from conformance.registry import checks
from conformance.replies import ChatCompletion, ErrorReply
from conformance.routes import Call, Unanswered, addressed
from conformance.routes.reference import Reference
from conformance.runner import Asked, Runner, Skipped, converse
from conformance.targets import Target, endpoint

ANY = endpoint("https://example.com/v1", "reference", None)
CLAIMS = replace(ANY, claimed=True)
REFUSED = b'{"error": {"message": "no such thing", "type": "x", "param": null, "code": null}}'
Said = Callable[[Call, int, Request], "int | Failure | list[int] | Response | None"]


@dataclass
class Fake:
    """A route that answers with a status, several with retries, a failure, or as the reference."""

    said: Said = lambda call, number, request: None  # noqa: ARG005
    asked: list[str] = field(default_factory=list)
    in_flight: int = 0
    busiest: int = 0
    closed: list[str] = field(default_factory=list)
    reference: Reference = field(default_factory=Reference)

    async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
        self.asked.append(f"{call.probe}@{call.turn}")
        self.in_flight += 1
        self.busiest = max(self.busiest, self.in_flight)
        try:
            await asyncio.sleep(0)
            said = self.said(call, number, request)
            if said is None:
                return await self.reference.send(call, number, request)
            if isinstance(said, Failure):
                return [_heard(call, number, request, None, said)]
            if isinstance(said, Response):
                return [_heard(call, number, request, said)]
            statuses = said if isinstance(said, list) else [said]
            return [
                replace(_heard(call, number, request, _refusal(status)), retried=more > 0)
                for more, status in reversed(list(enumerate(reversed(statuses))))
            ]
        finally:
            self.in_flight -= 1

    def close(self, call: Call) -> list[str]:
        self.closed.append(call.name)
        return []


def _refusal(status: int, body: bytes = REFUSED) -> Response:
    return Response(status, Headers([("content-type", "application/json")]), (Chunk(body),))


def _heard(
    call: Call,
    number: int,
    request: Request,
    response: Response | None,
    failure: Failure | None = None,
) -> Exchange:
    sent = addressed(call.target, request, None)
    return call.exchange(number, sent, response, Provenance(Source.LIVE), failure)


def a_probe(function: Callable[[Target], Steps], name: str = "test.it", **more: Any) -> Probe:
    given: dict[str, Any] = {
        "endpoint": "chat",
        "needs": frozenset(),
        "lacks": frozenset(),
        "opens": False,
    } | more
    return Probe(id=name, summary="A probe.", function=function, **given)


def simple(target: Target) -> Steps:
    yield target.chat("Hi.")


def ran(route: Fake, plan: list[tuple[Target, Probe]], turns: int = 1) -> list[Asked | Skipped]:
    async def collected() -> list[Asked | Skipped]:
        async with aclosing(Runner(route, turns).run(plan)) as events:
            return [event async for event in events]

    return asyncio.run(asyncio.wait_for(collected(), 20))


def asked(route: Fake, probe: Probe, turns: int = 1) -> Asked:
    (done,) = ran(route, [(ANY, probe)], turns)
    assert isinstance(done, Asked)
    return done


def test_everything_is_asked_of_the_reference_without_a_problem() -> None:
    plan = [(ANY, probe) for probe in probes().values() if probe.suits(ANY)]
    done = ran(Fake(), plan)
    assert {one.name for one in done} == {f"{ANY.name}::{probe.id}" for _, probe in plan}
    assert all(isinstance(one, Asked) and not one.problems for one in done)


def test_probes_that_open_an_area_come_first() -> None:
    plan = [
        (ANY, a_probe(simple, "test.later")),
        (ANY, a_probe(simple, "test.first", opens=True)),
        (ANY, a_probe(simple, "test.last")),
    ]
    assert ran(Fake(), plan)[0].probe.id == "test.first"


class TestGates:
    PLAN = (
        a_probe(simple, "test.open", opens=True),
        a_probe(simple, "test.chat"),
        a_probe(simple, "test.open_tools", opens=True, needs=frozenset({"tools"})),
        a_probe(simple, "test.tools", needs=frozenset({"tools", "stream"})),
        a_probe(simple, "test.other", endpoint="embeddings"),
    )

    def skipped(self, target: Target, refuses: dict[str, Any]) -> dict[str, str]:
        route = Fake(lambda call, number, request: refuses.get(call.probe))  # noqa: ARG005
        done = ran(route, [(target, probe) for probe in self.PLAN])
        assert len(done) == len(self.PLAN)
        found = {d.probe.id: d.opener.id for d in done if isinstance(d, Skipped)}
        assert not found.keys() & {name.partition("@")[0] for name in route.asked}
        return found

    @pytest.mark.parametrize("target", [ANY, CLAIMS], ids=["anything", "claimed"])
    @pytest.mark.parametrize("answer", [404, [500, 404], 503, [503, 503, 503], [500, 500]])
    def test_an_endpoint_that_is_refused_is_not_asked_about(
        self, target: Target, answer: Any
    ) -> None:
        found = self.skipped(target, {"test.open": answer})
        assert found == {"test.chat": "test.open", "test.tools": "test.open"}

    def test_a_capability_that_nobody_claimed_is_not_asked_about(self) -> None:
        assert self.skipped(ANY, {"test.open_tools": 400}) == {"test.tools": "test.open_tools"}

    def test_a_capability_that_is_claimed_is_asked_about_all_the_same(self) -> None:
        assert self.skipped(CLAIMS, {"test.open_tools": 400}) == {}

    def test_another_target_is_asked(self) -> None:
        other = replace(ANY, model="reference-vision")
        plan = [(target, probe) for target in (ANY, other) for probe in self.PLAN[:2]]
        route = Fake(lambda call, *_: 404 if call.target is ANY and "open" in call.probe else None)
        done = ran(route, plan)
        assert [d.name for d in done if isinstance(d, Skipped)] == [f"{ANY.name}::test.chat"]

    def test_why_is_said(self) -> None:
        (skipped,) = [
            one
            for one in ran(Fake(lambda *_: 404), [(ANY, probe) for probe in self.PLAN[:2]])
            if isinstance(one, Skipped)
        ]
        assert skipped.reason.startswith("status 404: ")
        assert "no such thing" in skipped.reason

    def test_an_opener_refused_only_once_of_twice_skips_nothing(self) -> None:
        route = Fake(lambda call, *_: 404 if call.turn == 2 and "open" in call.probe else None)
        done = ran(route, [(ANY, probe) for probe in self.PLAN[:2]], turns=2)
        assert all(isinstance(one, Asked) for one in done)

    def test_a_server_that_does_not_answer_is_asked_no_more(self) -> None:
        down = Failure("connect_refused", "nobody is there")
        found = self.skipped(ANY, {"test.open": down})
        assert found == {"test.chat": "test.open", "test.tools": "test.open"}


class TestProblems:
    @pytest.mark.parametrize("status", [429, 502, 503, 504, 529])
    def test_a_server_that_stays_busy_is_not_judged(self, status: int) -> None:
        done = asked(Fake(lambda *_: [status, status]), a_probe(simple))
        (problem,) = done.problems
        assert f"test.it: status {status} after every retry: " in problem
        assert done.slots() == []

    @pytest.mark.parametrize("status", [400, 401, 404, 500])
    def test_any_other_refusal_is_judged(self, status: int) -> None:
        done = asked(Fake(lambda *_: status), a_probe(simple))
        assert not done.problems
        ((exchange,),) = done.slots()
        assert exchange.response
        assert exchange.response.status == status

    def test_no_answer_is_a_problem(self) -> None:
        done = asked(Fake(lambda *_: Failure("reset", "it hung up")), a_probe(simple))
        assert done.problems == [f"{ANY.name}::test.it: no answer: reset: it hung up"]
        assert done.slots() == []

    def test_an_attempt_that_led_to_a_retry_is_not_judged(self) -> None:
        done = asked(Fake(lambda *_: [500, 429, 400]), a_probe(simple))
        assert not done.problems
        ((exchange,),) = done.slots()
        assert exchange.response
        assert exchange.response.status == 400

    def test_a_probe_that_raises_keeps_what_it_brought_and_ends_nothing(self) -> None:
        def raising(target: Target) -> Steps:
            yield target.chat("Hi.")
            raise ZeroDivisionError("oh no")

        route = Fake()
        bad, good = ran(route, [(ANY, a_probe(raising, "test.bad")), (ANY, a_probe(simple))])
        assert isinstance(bad, Asked)
        assert isinstance(good, Asked)
        assert bad.problems == [f"{ANY.name}::test.bad: the probe failed: ZeroDivisionError: oh no"]
        assert len(bad.slots()) == len(good.slots()) == 1
        assert len(route.closed) == 2

    def test_a_probe_that_raises_before_it_asks_is_a_problem_too(self) -> None:
        def raising(target: Target) -> Steps:
            yield target.chat(object())

        assert "the probe failed: TypeError" in asked(Fake(), a_probe(raising)).problems[0]

    def test_a_probe_that_asks_nothing_is_no_problem(self) -> None:
        def silent(target: Target) -> Steps:
            yield from [target.chat("Hi.")][1:]

        assert (asked(Fake(), a_probe(silent)).problems, Fake().asked) == ([], [])

    def test_a_probe_that_never_ends_is_stopped_and_says_so(self) -> None:
        def endless(target: Target) -> Steps:
            while True:
                yield target.chat("Hi.")

        route = Fake()
        done = asked(route, a_probe(endless))
        assert len(route.asked) == MOST
        assert f"the probe was stopped after {MOST} exchanges" in done.problems[0]

    def test_a_probe_that_ends_just_in_time_is_not_stopped(self) -> None:
        def long(target: Target) -> Steps:
            for _ in range(MOST):
                yield target.chat("Hi.")

        assert not asked(Fake(), a_probe(long)).problems

    def test_a_request_that_was_not_asked_says_why(self) -> None:
        def refusing(*_: object) -> None:
            raise Unanswered("set THE_KEY")

        assert asked(Fake(refusing), a_probe(simple)).problems == [
            f"{ANY.name}::test.it: set THE_KEY"
        ]

    def test_what_a_server_sent_is_shortened(self) -> None:
        route = Fake(lambda *_: _refusal(503, b"x" * 10_000))
        assert len(asked(route, a_probe(simple)).problems[0]) < 300


class TestReplies:
    def test_a_reply_comes_back_to_the_probe(self) -> None:
        seen: list[object] = []

        def talking(target: Target) -> Steps:
            seen.append((yield target.chat("Hi.")))
            seen.append((yield target.chat("Hi.", n=-1)))

        done = asked(Fake(), a_probe(talking))
        assert [type(one) for one in seen] == [ChatCompletion, ErrorReply]
        assert [x.id[-2:] for (x,) in done.slots()] == ["#1", "#2"]

    def test_a_list_of_requests_is_asked_at_once_and_answered_in_order(self) -> None:
        seen: list[list[ChatCompletion]] = []

        def several(target: Target) -> Steps:
            seen.append((yield [target.chat("Hi.", n=n) for n in (1, 2, 3)]))

        route = Fake()
        done = asked(route, a_probe(several))
        assert route.busiest == 3
        assert [len(reply.choices) for reply in seen[0]] == [1, 2, 3]
        ids = [x.id for (x,) in done.slots()]
        assert [one[-2:] for one in ids] == ["#1", "#2", "#3"]

    def test_one_of_a_list_that_cannot_be_asked_leaves_nothing_behind(self) -> None:
        def several(target: Target) -> Steps:
            yield [target.chat("Hi.", n=n) for n in (1, 2, 3)]

        def refusing(call: Call, number: int, request: Request) -> None:
            del call, request
            if number == 2:
                raise Unanswered("no more")

        route = Fake(refusing)
        done = asked(route, a_probe(several))
        assert done.problems == [f"{ANY.name}::test.it: no more"]
        assert route.in_flight == 0
        assert [x.id[-2:] for (x,) in done.slots()] == ["#1"]


class TestTurns:
    def verdicts(self, done: Asked) -> dict[str, Verdict]:
        audit = Audit(Checks(checks().values()))
        return {v.check: v for slot in done.slots() for v in audit.add(*slot)}

    def broken(self, turns: set[int]) -> dict[str, Verdict]:
        """What three turns come to when the answer is broken in these."""
        body = json.dumps({"object": "chat.completion", "choices": []}).encode()
        route = Fake(lambda call, *_: _refusal(200, body) if call.turn in turns else None)
        return self.verdicts(asked(route, a_probe(simple), turns=3))

    def test_everything_is_asked_as_often(self) -> None:
        route = Fake()
        done = asked(route, a_probe(simple), turns=3)
        assert route.asked == ["test.it@1", "test.it@2", "test.it@3"]
        assert [len(slot) for slot in done.slots()] == [3]
        assert [x.session for x in done.slots()[0]] == [f"{ANY.name}@{n}" for n in (1, 2, 3)]

    def test_what_fails_only_at_times_is_flaky_with_k_of_n(self) -> None:
        assert self.broken(set()) == {}
        for turns in ({2}, {1, 3}):
            verdict = self.broken(turns)["chat.response_id"]
            assert (verdict.outcome, verdict.repeat) == (Outcome.FLAKY, (len(turns), 3))
        verdict = self.broken({1, 2, 3})["chat.response_id"]
        assert (verdict.outcome, verdict.repeat) == (Outcome.FAIL, (3, 3))

    def test_answers_to_different_requests_are_never_put_together(self) -> None:
        def several(target: Target) -> Steps:
            yield [target.chat("Hi.", n=n) for n in (1, 2, 3)]

        route = Fake(lambda call, n, request: 503 if (call.turn, n) == (1, 1) else None)  # noqa: ARG005
        done = asked(route, a_probe(several), turns=2)
        bodies = [{x.request.body for x in slot} for slot in done.slots()]
        assert [len(one) for one in bodies] == [1, 1, 1]
        assert [len(slot) for slot in done.slots()] == [1, 2, 2]


def test_a_run_that_is_cancelled_leaves_nothing_running() -> None:
    class Stuck(Fake):
        async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
            del call, number, request
            self.in_flight += 1
            try:
                await asyncio.sleep(3600)
            finally:
                self.in_flight -= 1
            return []

    route = Stuck()

    async def cancelled() -> None:
        async def all_of_it() -> None:
            plan = [(ANY, a_probe(simple, f"test.n{n}")) for n in range(5)]
            async with aclosing(Runner(route).run(plan)) as events:
                async for _ in events:
                    pytest.fail("nothing was answered")

        running = asyncio.create_task(all_of_it())
        for _ in range(10):
            await asyncio.sleep(0)
        assert route.in_flight == 5
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert route.in_flight == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancelled())


def test_a_caller_that_stops_early_leaves_nothing_running() -> None:
    async def first() -> None:
        plan = [(ANY, a_probe(simple, f"test.n{n}")) for n in range(5)]
        async with aclosing(Runner(Fake()).run(plan)) as events:
            async for _ in events:
                break
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(first())


def test_one_conversation_alone() -> None:
    talk = asyncio.run(converse(Reference(), Call(ANY, "chat.basic"), probes()["chat.basic"]))
    assert not talk.problems
    assert talk.refusal is None
    assert [x.probe for x in talk.exchanges] == ["chat.basic"]


def test_an_answer_that_was_cut_is_judged_and_is_no_complete_run() -> None:
    whole = Response(200, Headers([("content-type", "application/json")]), (Chunk(b'{"id"'),))

    class Cut(Fake):
        async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
            return [_heard(call, number, request, whole, Failure("cut", "the peer closed"))]

    call = Call(ANY, "chat.basic")
    talk = asyncio.run(converse(Cut(), call, probes()["chat.basic"]))
    assert talk.problems == (f"{call.name}: the answer was not complete: cut: the peer closed",)
    assert Asked(ANY, probes()["chat.basic"], (talk,)).slots() == [talk.exchanges]


def test_a_redirect_says_where_to_go_and_nothing_more_is_asked() -> None:
    moved = Response(308, Headers([("location", "https://other.example/v1")]), ())
    fake = Fake(said=lambda call, number, request: moved)  # noqa: ARG005
    talk = asyncio.run(converse(fake, Call(ANY, "chat.basic"), probes()["chat.basic"]))
    assert talk.refusal is not None
    assert 'status 308 to "https://other.example/v1"' in talk.refusal
