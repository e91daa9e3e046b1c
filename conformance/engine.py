"""Exchanges in, verdicts out: the heart of the library, without pytest and without a terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.model import Exchange, Finding, Outcome, Provenance, Verdict
from conformance.recognise import recognise
from conformance.registry import Check, Fact, Judgement
from conformance.replies import Reply
from conformance.scrub import Scrubber

Session = tuple[str, str, str]
"""Provider, model and recording: exchanges are only compared within one."""


class Checks:
    """The chosen checks, found by the type of reply they judge."""

    def __init__(self, chosen: Iterable[Check]) -> None:
        self._all = tuple(chosen)
        self._singles: dict[type, list[Check]] = {}
        self._sets: dict[type, list[Check]] = {}

    def judge(self, reply: Reply) -> Iterator[Judgement]:
        """What each check about single exchanges says of ``reply``."""
        for check in self._applying(self._singles, type(reply), sets=False):
            yield check.judge(reply)

    def facts(self, reply: Reply) -> Iterator[tuple[Check, Fact[Any]]]:
        """What each check about sets keeps of ``reply``."""
        for check in self._applying(self._sets, type(reply), sets=True):
            value = check.fact(reply)
            if value is not None:
                yield check, Fact(reply.exchange.id, value)

    def _applying(self, known: dict[type, list[Check]], kind: type, *, sets: bool) -> list[Check]:
        if kind not in known:
            known[kind] = [
                check
                for check in self._all
                if (check.over is not None) is sets and issubclass(kind, check.judges)
            ]
        return known[kind]


@dataclass(slots=True)
class _Tally:
    """One target's verdicts without findings by one check, counted instead of listed."""

    exchange: str
    provenance: Provenance | None
    reason: str | None
    count: int = 0


@dataclass(slots=True)
class Audit:
    """Judges exchanges as they come and keeps only counts and the facts that sets need.

    Verdicts with findings are given out as they are found, one an exchange. Those without are
    counted: one verdict a target, check and outcome at the end, with ``repeat`` = (times, of all
    times this check ran on this target).
    """

    checks: Checks
    read: int = 0
    judged: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    targets: Counter[tuple[str, str]] = field(default_factory=Counter)
    _tallies: dict[tuple[str, str, Check, Outcome], _Tally] = field(default_factory=dict)
    _runs: Counter[tuple[str, str, Check]] = field(default_factory=Counter)
    _facts: dict[tuple[Session, Check], list[Fact[Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @property
    def left_out(self) -> int:
        """How many exchanges were not OpenAI-shaped LLM traffic."""
        return self.read - self.judged

    def add(self, exchange: Exchange) -> Iterator[Verdict]:
        """Judge one exchange; yields the verdicts that have findings."""
        self.read += 1
        reply = recognise(exchange)
        if reply is None:
            return
        self.judged += 1
        provider, model = exchange.provider, reply.model
        self.targets[provider, model] += 1
        scrubber = Scrubber.of(exchange.request)
        for check, fact in self.checks.facts(reply):
            self._facts[(provider, model, exchange.session), check].append(fact)
        for judgement in self.checks.judge(reply):
            verdict = self._counted(provider, model, judgement, exchange.id, exchange.provenance)
            if verdict.findings:
                yield scrubber.verdict(verdict)

    def close(self) -> Iterator[Verdict]:
        """Judge the sets, then yield the verdicts that were only counted."""
        for ((provider, model, _), check), facts in self._facts.items():
            for judgement in _by_exchange(check.compare(facts)):
                named = judgement.findings[0].exchange if judgement.findings else None
                exchange = named or facts[0].exchange
                verdict = self._counted(provider, model, judgement, exchange, None)
                if verdict.findings:
                    yield Scrubber().verdict(verdict)
        for (provider, model, check, outcome), tally in self._tallies.items():
            yield Verdict(
                provider=provider,
                model=model,
                check=check.id,
                level=check.level,
                outcome=outcome,
                reason=tally.reason,
                exchange=tally.exchange,
                provenance=tally.provenance,
                repeat=(tally.count, self._runs[provider, model, check]),
            )

    def _counted(
        self,
        provider: str,
        model: str,
        judgement: Judgement,
        exchange: str,
        provenance: Provenance | None,
    ) -> Verdict:
        check, outcome = judgement.check, judgement.outcome
        self.outcomes[outcome] += 1
        self._runs[provider, model, check] += 1
        if not judgement.findings:
            tally = self._tallies.setdefault(
                (provider, model, check, outcome),
                _Tally(exchange, provenance, judgement.reason),
            )
            tally.count += 1
        return Verdict(
            provider=provider,
            model=model,
            check=check.id,
            level=check.level,
            outcome=outcome,
            findings=judgement.findings,
            reason=judgement.reason,
            exchange=exchange,
            provenance=provenance,
        )


def _by_exchange(judgement: Judgement) -> Iterator[Judgement]:
    """A set's judgement, split so that each exchange at fault gets its own."""
    if not judgement.findings:
        yield judgement
        return
    by_exchange: dict[str | None, list[Finding]] = defaultdict(list)
    for finding in judgement.findings:
        by_exchange[finding.exchange].append(finding)
    for findings in by_exchange.values():
        yield Judgement(judgement.check, judgement.outcome, tuple(findings), judgement.reason)
