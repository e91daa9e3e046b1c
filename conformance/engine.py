"""Exchanges in, verdicts out: the heart of the library, without pytest and without a terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from conformance.model import Exchange, Finding, Outcome, Provenance, Verdict
from conformance.recognise import recognise
from conformance.registry import Check, Fact, Judgement
from conformance.replies import Reply
from conformance.scrub import Scrubber

NAME: Final = 120
"""How many characters of a provider's or model's name are kept."""
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
    """How often one check came to one outcome on one target, and the first time as an example."""

    first: Verdict
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
    targets: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(provider, model): how many replies."""
    _tallies: dict[tuple[str, str, Check, Outcome], _Tally] = field(default_factory=dict)
    _facts: dict[tuple[Session, Check], list[Fact[Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @property
    def left_out(self) -> int:
        """How many exchanges were not OpenAI-shaped LLM traffic, or are marked as doubtful."""
        return self.read - self.judged

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many verdicts of each outcome there are so far."""
        counted: Counter[Outcome] = Counter()
        for (_, _, _, outcome), tally in self._tallies.items():
            counted[outcome] += tally.count
        return counted

    def add(self, exchange: Exchange) -> Iterator[Verdict]:
        """Judge one exchange; yields the verdicts that have findings."""
        self.read += 1
        reply = None if exchange.provenance.doubt else recognise(exchange)
        if reply is None:
            return
        self.judged += 1
        scrubber = Scrubber.of(exchange.request)
        target = (exchange.provider[:NAME], scrubber.text(reply.model)[:NAME])
        self.targets[target] += 1
        for check, fact in self.checks.facts(reply):
            self._facts[(*target, exchange.session), check].append(fact)
        for judgement in self.checks.judge(reply):
            verdict = self._counted(target, judgement, exchange.id, exchange.provenance, scrubber)
            if verdict:
                yield verdict

    def close(self) -> Iterator[Verdict]:
        """Judge the sets, then yield the verdicts that were only counted."""
        for ((provider, model, _), check), facts in self._facts.items():
            for judgement in _by_exchange(check.compare(facts)):
                named = judgement.findings[0].exchange if judgement.findings else None
                exchange = named or facts[0].exchange
                verdict = self._counted((provider, model), judgement, exchange, None, Scrubber())
                if verdict:
                    yield verdict
        ran: Counter[tuple[str, str, Check]] = Counter()
        for (provider, model, check, _), tally in self._tallies.items():
            ran[provider, model, check] += tally.count
        for (provider, model, check, _), tally in self._tallies.items():
            if not tally.first.findings:
                times = (tally.count, ran[provider, model, check])
                yield replace(tally.first, repeat=times)

    def _counted(
        self,
        target: tuple[str, str],
        judgement: Judgement,
        exchange: str,
        provenance: Provenance | None,
        scrubber: Scrubber,
    ) -> Verdict | None:
        """Count a judgement; its verdict, when it has findings."""
        key = (*target, judgement.check, judgement.outcome)
        tally = self._tallies.get(key)
        if tally and not judgement.findings:
            tally.count += 1
            return None
        verdict = Verdict(
            provider=target[0],
            model=target[1],
            check=judgement.check.id,
            level=judgement.check.level,
            outcome=judgement.outcome,
            findings=judgement.findings,
            reason=judgement.reason,
            exchange=exchange,
            provenance=provenance,
        )
        verdict = scrubber.verdict(verdict)
        tally = self._tallies.setdefault(key, _Tally(verdict))
        tally.count += 1
        return verdict if verdict.findings else None


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
