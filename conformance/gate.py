"""The adapter gate: a run through an adapter, compared with what was known of it.

Only what changed is news: a rule that is broken and was not, one that no longer is, a parameter
that fares otherwise than it did.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import date

from conformance.baseline import WELL, Baseline, Cells, behind
from conformance.dispositions.measure import Measured, measured, unasked
from conformance.dispositions.seen import Seen, seen
from conformance.learn import known_now
from conformance.model import RAISED, Exchange
from conformance.probe import Probe
from conformance.routes import Route
from conformance.runner import Asked, Runner
from conformance.session import Session
from conformance.targets import Target

PARAMETERS = "forwarding"
"""The suite of the probes that tell what becomes of parameters."""
OK = "200"
ERROR = 400
"""The first status that is an error (RFC 9110 section 15.5)."""
Plan = Sequence[tuple[Target, Probe]]


@dataclass(slots=True)
class Ledger:
    """What becomes of parameters, and which probes are not answered well, target by target."""

    answers: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """Target, without its adapter -> probe -> how it was answered."""
    _seen: dict[str, dict[bool, list[Seen]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def note(self, done: Asked) -> None:
        """Take what a probe brought."""
        exchanges = [one for turn in done.turns for one in turn.exchanges]
        name = behind(done.target)
        if done.probe.suite == PARAMETERS:
            found = [one for one in map(seen, exchanges) if one]
            self._seen[name][done.target.dropping] += found
        else:
            hows = [_how(one) for one in exchanges]
            self.answers[name][done.probe.id] = ", ".join(hows) if set(hows) != {OK} else WELL

    def measured(self) -> list[tuple[str, bool, dict[str, Measured]]]:
        """What became of each parameter, by target and whether dropping was on."""
        return [
            (name, on, measured(found) | unasked(found))
            for name, by in self._seen.items()
            for on, found in sorted(by.items())
        ]

    def refused(self) -> dict[str, dict[str, str]]:
        """Target -> probe -> how it ended, for those that were not answered well."""
        return {
            name: {probe: how for probe, how in answers.items() if how != WELL}
            for name, answers in self.answers.items()
        }

    def changes(self, known: Baseline) -> Iterator[str]:
        """What was asked and is not as it was."""
        if known.parameters is not None:
            yield from known.changes(cells(self.measured()), self.answers)


@dataclass(slots=True)
class Gate:
    """One run; ``session`` judges with the failures that ``known`` excuses."""

    known: Baseline
    session: Session
    ledger: Ledger = field(default_factory=Ledger)
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    """By id, for whoever has to see both sides of them."""

    async def run(self, route: Route, plan: Plan, on_done: Callable[[str], None]) -> None:
        """Have every conversation of ``plan``, one at a time, and judge it."""
        async with aclosing(Runner(route, in_order=True).run(plan)) as events:
            async for done in events:
                self.session.take(done)
                on_done(done.name)
                if isinstance(done, Asked):
                    self.ledger.note(done)
                    self.exchanges |= {x.id: x for turn in done.turns for x in turn.exchanges}

    def news(self, targets: Sequence[Target], today: date, *, whole: bool = True) -> Iterator[str]:
        """What is news besides the verdicts; ``targets`` are all there are behind the adapter.

        What was not asked is no news. A ``whole`` run also looks for entries that are past their
        day, or about nothing.
        """
        if whole:
            yield from self.known.overdue(today)
            yield from self.known.strangers(targets)
        yield from self.ledger.changes(self.known)

    def learnt(self, targets: Sequence[Target], today: date) -> Baseline:
        """The baseline from now on: reasons that are there stay."""
        before, measured_now = self.known, cells(self.ledger.measured())
        return replace(
            before,
            written=today.isoformat(),
            known=tuple(known_now(before.known, self.session.board, targets, behind)),
            parameters={**(before.parameters or {}), **measured_now},
            refused={**before.refused, **self.ledger.refused()},
        )


def _how(exchange: Exchange) -> str:
    """How an exchange ended, in a word."""
    if exchange.response is None:
        return exchange.failure.kind if exchange.failure else "nothing"
    broken = exchange.failure and exchange.response.status < ERROR
    return f"{exchange.response.status} {RAISED}" if broken else str(exchange.response.status)


def plan_of(targets: Sequence[Target], probes: Sequence[Probe], *, drops: bool) -> Plan:
    """Every probe that suits a target; those about parameters once more with dropping on."""
    pairs = [(target, probe) for target in targets for probe in probes if probe.suits(target)]
    again = [(replace(t, dropping=True), p) for t, p in pairs if p.suite == PARAMETERS and drops]
    return [*pairs, *again]


def cells(measured: Sequence[tuple[str, bool, Mapping[str, Measured]]]) -> Cells:
    """What becomes of each parameter in words: with dropping off, and on where that differs."""
    on = {name: by for name, dropping, by in measured if dropping}
    return {
        name: {p: _cell(off, on.get(name, {}).get(p)) for p, off in by.items()}
        for name, dropping, by in measured
        if not dropping
    }


def _cell(off: Measured, on: Measured | None) -> str:
    alone, dropping = _words(off), on and _words(on)
    return alone if dropping in (None, alone) else f"{alone} | dropping: {dropping}"


def _words(measured: Measured) -> str:
    return f"{measured.disposition}: {measured.evidence}"
