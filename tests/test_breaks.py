"""A live run of the reference is flawless, and of one that breaks a check it tells which."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from live_server import Ticking

from conformance.engine import Audit, Checks
from conformance.model import Exchange, Outcome, Verdict
from conformance.planning import longest_first
from conformance.probe import Probe, probes
from conformance.recognise import recognise
from conformance.registry import Check, Fact, checks
from conformance.routes.http import Http, Options
from conformance.runner import Asked, Runner, Skipped
from conformance.serve import running, unreachable
from conformance.targets import Target, endpoint

LEFT_OUT = Path(__file__).parent.parent / "docs" / "left-out.md"
EVERY = Checks(checks().values())
KEY = "sk-reference-0123456789"
PATIENCE = 60.0
"""Seconds that one run may take."""
PACED = {
    "stream.sse_incremental": ("stream.long", 1.0),
    "stream.done_closes": ("stream.basic", 0.1),
}
"""The checks that a server breaks in real time only: the probe that shows it, and the pace."""


def target(url: str, key: str | None = KEY) -> Target:
    return endpoint(url, "reference", "A_KEY" if key else None)


@cache
def ordered() -> list[Probe]:
    """Every probe, in the order of a live run."""
    one = target("http://127.0.0.1/v1")
    plan = [(one, probe) for probe in probes().values() if probe.suits(one)]
    return [probe for _, probe in asyncio.run(longest_first(plan))]


def ask(url: str, names: Iterable[str], key: str | None = KEY) -> list[Asked | Skipped]:
    """Ask a server these probes as a live run does, but one thing at a time."""
    one, wanted = target(url, key), set(names)
    plan = [(one, probe) for probe in ordered() if probe.id in wanted and probe.suits(one)]
    keys = {"A_KEY": key} if key else {}

    async def everything() -> list[Asked | Skipped]:
        async with Http(keys, Options(concurrency=1), clock=Ticking().clock()) as route:
            return [done async for done in Runner(route, in_order=True).run(plan)]

    return asyncio.run(asyncio.wait_for(everything(), PATIENCE))


def answers(done: Iterable[Asked | Skipped]) -> list[tuple[Exchange, ...]]:
    """What is judged of a run."""
    return [slot for one in done if isinstance(one, Asked) for slot in one.slots()]


def judged(done: Iterable[Asked | Skipped]) -> Iterator[Verdict]:
    audit = Audit(EVERY)
    for slot in answers(done):
        yield from audit.add(*slot)
    yield from audit.close()


@dataclass
class Whole:
    """What each check has to go on in a run of a good server, by probe."""

    passed: dict[Check, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    facts: dict[Check, dict[str, list[Fact[object]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def add(self, exchange: Exchange) -> None:
        reply, probe = recognise(exchange), str(exchange.probe)
        assert reply, exchange
        for told in EVERY.judge(reply):
            if told.outcome is Outcome.PASS:
                self.passed[told.check][probe] = None
        for check, fact in EVERY.facts(reply):
            self.facts[check][probe].append(fact)

    def matter(self, check: Check) -> Iterator[list[str]]:
        """The probes that a check can tell something by: a few of them, then all."""
        known = [*(self.facts[check] if check.over else self.passed[check])]
        known.sort(key=lambda name: probes()[name].suite != check.suite)
        known = known or [probe.id for probe in ordered() if probe.suite == check.suite]
        yield fewest(check, self.facts[check]) if check.over else known[:2]
        yield known


def fewest(check: Check, facts: Mapping[str, list[Fact[object]]]) -> list[str]:
    """As few probes as a check about sets needs to pass."""
    kept = list(facts)
    for name in facts:
        fewer = [one for one in kept if one != name]
        told = check.compare([fact for one in fewer for fact in facts[one]])
        kept = fewer if told.outcome is Outcome.PASS else kept
    return kept


@cache
def whole() -> Whole:
    made = Whole()
    with running() as url:
        for (answer,) in answers(ask(url, probes())):
            made.add(answer)
    return made


def failing(check: Check) -> set[str]:
    """The checks that fail on a server that breaks this one; none where it doesn't show."""
    name, pace = PACED.get(check.id, (None, 0.0))
    for names in [[name]] if name else whole().matter(check):
        with running(check, pace=pace) as url:
            done = ask(url, names)
        found = {verdict.check for verdict in judged(done) if verdict.findings}
        if check.id in found:
            return found
    return set()


def listed() -> dict[str, str]:
    """The checks that no live run can reach, and why, as the page has them."""
    page = LEFT_OUT.read_text(encoding="utf-8")
    section = page.partition("## Checks that no live run can reach")[2].partition("\n## ")[0]
    return dict(re.findall(r"^- `([a-z0-9_.]+)`: (.*\w.*)$", section, re.MULTILINE))


REACHED = [check for name, check in checks().items() if name not in listed()]


@pytest.mark.parametrize("key", [KEY, None])
def test_nothing_is_wrong_with_the_whole_server(key: str | None) -> None:
    with running() as url:
        done = ask(url, probes(), key)
    assert [one for one in done if isinstance(one, Skipped)] == []
    assert [problem for one in done if isinstance(one, Asked) for problem in one.problems] == []
    untold = (Outcome.NOT_APPLICABLE, Outcome.INCONCLUSIVE)
    wrong = [verdict for verdict in judged(done) if verdict.outcome not in (Outcome.PASS, *untold)]
    assert wrong == []


@pytest.mark.parametrize("check", REACHED, ids=lambda check: check.id)
def test_a_broken_check_fails_and_no_other_does(check: Check) -> None:
    found = failing(check)
    assert check.id in found
    assert found - {check.id} <= {name for mutant in check.broken_by for name in mutant.trips}


@pytest.mark.parametrize("name", listed())
def test_what_is_listed_as_out_of_reach_is_so_for_that_reason(name: str) -> None:
    reason = unreachable(checks()[name])
    if reason:
        assert listed()[name] == f"{reason[0].upper()}{reason[1:]}."
    else:
        assert failing(checks()[name]) == set()
