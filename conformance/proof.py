"""The proof that every check works: each counterexample trips it, and nothing that isn't declared.

The good exchanges are the reference server's. A counterexample is made on the one it names, else on
the first on which the check passes and the edit trips it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from conformance.engine import Checks
from conformance.model import Exchange, Finding, Outcome
from conformance.mutate import DoesNotFit, Mutant
from conformance.recognise import recognise
from conformance.reference.exchanges import exchanges
from conformance.registry import Check, Fact, Judgement, checks


@dataclass(frozen=True, slots=True)
class Proof:
    """One counterexample tried. ``findings`` is empty when it did not trip the check."""

    check: Check
    mutant: Mutant
    reference: str | None
    findings: tuple[Finding, ...] = ()
    broken: Exchange | None = None
    others: frozenset[str] = frozenset()
    """The other checks it tripped."""

    @property
    def holds(self) -> bool:
        """Whether the counterexample trips its check and exactly what is declared beside it."""
        return bool(self.findings) and self.others == set(self.mutant.trips)


def prove(check: Check) -> Iterator[Proof]:
    """Try every counterexample of ``check``."""
    for mutant in check.broken_by:
        yield _proof(check, mutant)


def _proof(check: Check, mutant: Mutant) -> Proof:
    session = golden()
    names = [mutant.reference] if mutant.reference else list(session.exchanges)
    for name in names:
        if not mutant.reference and not session.passes(check, name):
            continue
        try:
            broken = {one: mutant.apply(session.exchanges[one]) for one in (name, *mutant.beside)}
        except DoesNotFit:
            continue
        tripped = session.tripped(broken)
        if check in tripped:
            others = frozenset(other.id for other in tripped if other is not check)
            return Proof(check, mutant, name, tripped[check].findings, broken[name], others)
    return Proof(check, mutant, mutant.reference)


class Golden:
    """The reference exchanges, and what every check says of them."""

    def __init__(self, good: Mapping[str, Exchange], chosen: Sequence[Check]) -> None:
        self.exchanges = good
        self.checks = Checks(chosen)
        self._facts = {name: self._facts_of(exchange) for name, exchange in good.items()}
        self._judged = {name: list(self._singles(exchange)) for name, exchange in good.items()}

    def judgements(self, name: str) -> list[Judgement]:
        """What the checks about single exchanges say of one of them."""
        return self._judged[name]

    def sets(self) -> list[Judgement]:
        """What the checks about sets say of them all."""
        return list(self._compared(self._facts, self._facts))

    def passes(self, check: Check, name: str) -> bool:
        """Whether ``check`` passes on, or keeps a fact of, this exchange."""
        if check.over is not None:
            return check in self._facts[name]
        found = (j.outcome for j in self._judged[name] if j.check is check)
        return next(found, None) is Outcome.PASS

    def tripped(self, broken: Mapping[str, Exchange]) -> dict[Check, Judgement]:
        """The checks with findings once ``broken`` stand in for the exchanges of these names."""
        facts = {**self._facts, **{name: self._facts_of(one) for name, one in broken.items()}}
        singles = [judgement for one in broken.values() for judgement in self._singles(one)]
        judged = [*singles, *self._compared(facts, broken)]
        return {judgement.check: judgement for judgement in judged if judgement.findings}

    def _singles(self, exchange: Exchange) -> Iterator[Judgement]:
        reply = recognise(exchange)
        if reply is not None:
            yield from self.checks.judge(reply)

    def _facts_of(self, exchange: Exchange) -> dict[Check, Any]:
        reply = recognise(exchange)
        return {} if reply is None else dict(self.checks.facts(reply))

    def _compared(
        self, facts: Mapping[str, Mapping[Check, Fact[Any]]], about: Iterable[str]
    ) -> Iterator[Judgement]:
        concerned = {check for name in about for check in (*facts[name], *self._facts[name])}
        for check in sorted(concerned, key=lambda check: check.id):
            yield check.compare([kept[check] for kept in facts.values() if check in kept])


@cache
def golden() -> Golden:
    """The reference exchanges under every check there is."""
    return Golden(exchanges(), list(checks().values()))
