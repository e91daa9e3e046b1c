"""Has the conversations that probes describe, over any route. It judges nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from conformance.model import RAISED, Exchange, Request, show
from conformance.probe import MOST, Probe
from conformance.recognise import recognise
from conformance.replies import Refusal, Reply
from conformance.routes import Call, Route, Unanswered
from conformance.scrub import Scrubber
from conformance.targets import Target

NOT_TOLD = frozenset({429, 502, 503, 504, 529})
"""Statuses that say nothing about a server but that it was busy, or down (RFC 9110, RFC 6585)."""

SHOWN, READ = 120, 4096
"""How much of a refusal is shown, and how much of it is searched for keys before, in characters."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One run of one probe: what was said, and what kept it from being complete."""

    call: Call
    exchanges: tuple[Exchange, ...] = ()
    problems: tuple[str, ...] = ()
    refusal: str | None = None
    """Why the target would not have the first request, if it would not."""
    rounds: int = 0
    """How often it waited for answers; what was asked at once is one round."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One probe at one target, as often as it was asked."""

    target: Target
    probe: Probe
    turns: tuple[Conversation, ...]

    @property
    def name(self) -> str:
        """``provider/model::probe``."""
        return f"{self.target.name}::{self.probe.id}"

    @property
    def problems(self) -> list[str]:
        """What kept it from being complete, in any turn."""
        return [problem for turn in self.turns for problem in turn.problems]

    @property
    def refusal(self) -> str | None:
        """Why the target would not have the first request, if it would not in any turn."""
        refusals = [turn.refusal for turn in self.turns]
        return refusals[0] if all(refusals) else None

    def slots(self) -> list[tuple[Exchange, ...]]:
        """The answers to each request, one a turn.

        Left out are those that only led to a retry, and those that say nothing about a server.
        """
        answers = [[x for x in turn.exchanges if not x.retried] for turn in self.turns]
        rows = zip_longest(*answers)
        told = (tuple(x for x in row if x is not None and _problem(x) is None) for row in rows)
        return [row for row in told if row]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A probe that was not asked, because its target refused the one that opens its area."""

    target: Target
    probe: Probe
    opener: Probe
    reason: str

    @property
    def name(self) -> str:
        """``provider/model::probe``."""
        return f"{self.target.name}::{self.probe.id}"


Plan = Sequence[tuple[Target, Probe]]


@dataclass(slots=True)
class Runner:
    """Asks targets what probes want to know, ``turns`` times each."""

    route: Route
    turns: int = 1
    in_order: bool = False
    """Whether what is done is given out as planned, not as soon as it is there."""
    _refused: dict[str, list[tuple[Probe, str]]] = field(default_factory=lambda: defaultdict(list))
    """Target -> the probes that open an area and were refused, and why."""

    async def run(self, plan: Plan) -> AsyncGenerator[Asked | Skipped, None]:
        """Everything planned, in the order it is done.

        The probes that open an area go first. Where one is refused, the area isn't asked about:
        not at all if it needs nothing but the endpoint, and where nobody claimed the capability.
        """
        opening: dict[str, list[asyncio.Task[Asked | Skipped]]] = defaultdict(list)
        tasks = []
        for target, probe in sorted(plan, key=lambda pair: not pair[1].opens):
            first = [] if probe.opens else opening[target.name]
            task = asyncio.ensure_future(self._ask(target, probe, first))
            tasks.append(task)
            if probe.opens:
                opening[target.name].append(task)
        try:
            for done in tasks if self.in_order else asyncio.as_completed(tasks):
                yield await done
        finally:
            for left in tasks:
                left.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(
        self, target: Target, probe: Probe, first: Sequence[asyncio.Task[Asked | Skipped]]
    ) -> Asked | Skipped:
        """Ask it when ``first`` is done, unless that shows that there is no use in it."""
        if first:
            await asyncio.wait(first)
        for opener, reason in [] if probe.opens else self._refused[target.name]:
            if probe.belongs_to(opener) and not (opener.needs and target.claimed):
                return Skipped(target, probe, opener, reason)
        calls = (Call(target, probe.id, turn) for turn in range(1, self.turns + 1))
        turns = await asyncio.gather(*(converse(self.route, call, probe) for call in calls))
        done = Asked(target, probe, tuple(turns))
        if probe.opens and done.refusal:
            self._refused[target.name].append((probe, done.refusal))
        return done


async def converse(route: Route, call: Call, probe: Probe) -> Conversation:
    """Go through one probe once."""
    exchanges: list[Exchange] = []
    problems: list[str] = []
    refusal: str | None = None
    rounds = 0
    steps = probe.start(call.target)
    try:
        asked = next(steps)
        while len(exchanges) < MOST:
            requests = asked if isinstance(asked, list) else [asked]
            is_first = not exchanges
            rounds += 1
            last = await _sent(route, call, requests, exchanges)
            replies = [recognise(answer) for answer in last]
            if is_first:
                refusal = _refusal(last[0], replies[0])
            problems += filter(None, (_problem(one) or _incomplete(one) for one in last))
            if problems:
                break
            asked = steps.send(replies if isinstance(asked, list) else replies[0])
        else:
            problems.append(f"the probe was stopped after {len(exchanges)} exchanges")
    except StopIteration:
        pass
    except Unanswered as reason:
        problems.append(str(reason))
    except Exception as error:  # noqa: BLE001  # a probe that fails must not end the run
        problems.append(f"the probe failed: {type(error).__name__}: {error}")
    left = route.close(call)
    problems = problems or left  # what was not asked for because of a problem is no other one
    hide = Scrubber.of(exchanges[0].request).text if exchanges else str
    named = tuple(f"{call.name}: {hide(problem)}" for problem in problems)
    return Conversation(call, tuple(exchanges), named, refusal and hide(refusal), rounds)


async def _sent(
    route: Route, call: Call, requests: Sequence[Request], exchanges: list[Exchange]
) -> list[Exchange]:
    """The answer to each request, asked at the same time; every attempt is added to ``exchanges``.

    Raises what the route raised when nothing is on its way any more.
    """
    numbered = enumerate(requests, start=len(exchanges) + 1)
    sent = (route.send(call, number, request) for number, request in numbered)
    answers = []
    for attempts in await asyncio.gather(*sent, return_exceptions=True):
        if isinstance(attempts, BaseException):
            raise attempts
        exchanges += attempts
        answers.append(attempts[-1])
    return answers


def _problem(exchange: Exchange) -> str | None:
    """Why this is no answer to judge a server by."""
    if exchange.response is None:
        failure = exchange.failure
        return f"no answer: {failure.kind}: {failure.message}" if failure else "no answer"
    if exchange.response.status in NOT_TOLD and not exchange.behind_adapter:
        return f"status {exchange.response.status} after every retry: {_said(exchange)}"
    return None


def _incomplete(exchange: Exchange) -> str | None:
    """Why an answer that can be judged is not the one that was asked for."""
    response, failure = exchange.response, exchange.failure
    if response and failure and failure.kind != RAISED and response.status < 400:  # noqa: PLR2004  # RFC 9110 section 15.5
        return f"the answer was not complete: {failure.kind}: {failure.message}"
    return None


def _refusal(exchange: Exchange, reply: Reply | None) -> str | None:
    """Why there is no use in asking on, when the simplest request there is was refused."""
    response = exchange.response
    if response and 300 <= response.status < 400:  # noqa: PLR2004  # RFC 9110 section 15.4
        to = show(response.headers.get("location") or "nowhere", SHOWN)
        return f"status {response.status} to {to}: give the address it leads to as the base URL"
    if isinstance(reply, Refusal) and exchange.response:
        return f"status {exchange.response.status}: {_said(exchange)}"
    return _problem(exchange)


def _said(exchange: Exchange) -> str:
    """The beginning of an answer; a server may repeat the key it was given there."""
    body = exchange.response.body if exchange.response else b""
    text = body[:READ].decode("utf-8", "replace")
    return show(Scrubber.of(exchange.request).text(text), SHOWN)
