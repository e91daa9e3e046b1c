"""A live run of the reference is flawless, and of a server that breaks one check it tells which."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from live_server import Ticking

from conformance.engine import Audit, Checks
from conformance.model import Exchange, Outcome
from conformance.probe import Probe, probes
from conformance.recognise import recognise
from conformance.registry import Check, Fact, checks
from conformance.routes.http import Http, Options
from conformance.runner import Asked, Runner, Skipped
from conformance.serve import running
from conformance.targets import Target, endpoint

LEFT_OUT = Path(__file__).parent.parent / "docs" / "left-out.md"
EVERY = Checks(checks().values())
KEY = "sk-reference-0123456789"
SLOW = {"stream.sse_incremental": 0.4, "stream.done_closes": 0.1}
"""How many real seconds a second takes for checks about time, which break in real time only."""
PATIENCE = 60.0
"""Seconds that one run may take."""
FEW = 2
"""How many of the probes that matter are asked at first."""


def ask(url: str, asked: Iterable[Probe], key: str | None = KEY) -> list[Asked | Skipped]:
    """Ask a server these probes, as ``conformance run --live`` does."""
    target = endpoint(url, "reference", "A_KEY" if key else None)
    plan = [(target, probe) for probe in asked if probe.suits(target)]

    async def everything() -> list[Asked | Skipped]:
        keys = {"A_KEY": key} if key else {}
        async with Http(keys, Options(concurrency=1), clock=Ticking().clock()) as route:
            return [done async for done in Runner(route, in_order=True).run(plan)]

    return asyncio.run(asyncio.wait_for(everything(), PATIENCE))


def answers(done: Iterable[Asked | Skipped]) -> list[tuple[Exchange, ...]]:
    """What is judged of a run."""
    return [slot for one in done if isinstance(one, Asked) for slot in one.slots()]


@dataclass
class Whole:
    """What every check has to go on in a run of a good server, by the probe that asked for it."""

    telling: dict[Check, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    facts: dict[Check, dict[str, list[Fact[object]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def add(self, exchange: Exchange) -> None:
        reply, probe = recognise(exchange), str(exchange.probe)
        assert reply, exchange
        for told in EVERY.judge(reply):
            if told.outcome is Outcome.PASS:
                self.telling[told.check][probe] = None
        for check, fact in EVERY.facts(reply):
            self.facts[check][probe].append(fact)

    def batches(self, check: Check) -> list[list[Probe]]:
        """The probes that matter: first a few, then all of them, and once more."""
        known = list(self.facts[check] if check.over else self.telling[check])
        few = self._fewest(check, known) if check.over else known[:FEW]
        everything = known or list(probes())
        return [[probes()[name] for name in sorted(names)] for names in (few, everything, everything)]

    def _fewest(self, check: Check, known: Sequence[str]) -> list[str]:
        """As few as possible that let a check about sets pass."""
        kept = list(known)
        for name in known:
            fewer = [one for one in kept if one != name]
            facts = [fact for one in fewer for fact in self.facts[check][one]]
            if check.compare(facts).outcome is Outcome.PASS:
                kept = fewer
        return kept


@cache
def whole() -> Whole:
    made = Whole()
    with running() as url:
        for slot in answers(ask(url, probes().values())):
            made.add(slot[0])
    return made


@pytest.mark.parametrize("key", [KEY, None])
def test_nothing_is_wrong_with_the_whole_server(key: str | None) -> None:
    with running() as url:
        done = ask(url, probes().values(), key)
    assert [one for one in done if isinstance(one, Skipped)] == []
    assert [problem for one in done if isinstance(one, Asked) for problem in one.problems] == []
    audit = Audit(EVERY)
    wrong = [verdict for slot in answers(done) for verdict in audit.add(*slot)]
    ended = list(audit.close())
    outcomes = {verdict.outcome for verdict in ended}
    assert wrong == []
    assert outcomes <= {Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.INCONCLUSIVE}


def failing(check: Check) -> set[str]:
    """The checks that fail on a server that breaks ``check``, once that one does."""
    audit, found = Audit(EVERY), set[str]()
    with running(check, pace=SLOW.get(check.id, 0.0)) as url:
        for batch in whole().batches(check):
            for slot in answers(ask(url, batch)):
                found |= {verdict.check for verdict in audit.add(*slot)}
            found |= {verdict.check for verdict in audit.compare()}
            if check.id in found:
                break
    return found
