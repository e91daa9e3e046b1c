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

from conformance.baseline import Baseline, behind
from conformance.dispositions.measure import Measured, measured
from conformance.dispositions.seen import Seen, seen
from conformance.learn import known_now
from conformance.model import Exchange
from conformance.probe import Probe
from conformance.routes import Route
from conformance.runner import Asked, Runner
from conformance.session import Session
from conformance.targets import Target

PARAMETERS = "forwarding"
"""The suite of the probes that tell what becomes of parameters."""
Plan = Sequence[tuple[Target, Probe]]


@dataclass(slots=True)
class Gate:
    """One run; ``session`` judges with the failures that ``known`` excuses."""

    known: Baseline
    session: Session
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    """By id, for whoever has to see both sides of them."""
    _seen: dict[str, dict[bool, list[Seen]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    async def run(self, route: Route, plan: Plan, on_done: Callable[[str], None]) -> None:
        """Have every conversation of ``plan``, one at a time, and judge it."""
        async with aclosing(Runner(route, in_order=True).run(plan)) as events:
            async for done in events:
                self.session.take(done)
                on_done(done.name)
                if isinstance(done, Asked):
                    self._note(done)

    def measured(self) -> dict[str, dict[bool, dict[str, Measured]]]:
        """Target -> whether dropping was on -> parameter -> what became of it."""
        return {
            name: {dropping: measured(found) for dropping, found in sorted(by.items())}
            for name, by in self._seen.items()
        }

    def news(self, targets: Sequence[Target], today: date) -> Iterator[str]:
        """What is news besides the verdicts, for ``targets``, which were all there are."""
        yield from self.known.overdue(today)
        yield from self.known.strangers(targets)
        if self.known.parameters is not None:
            yield from self.known.changes(cells(self.measured()))

    def learnt(self, targets: Sequence[Target], today: date) -> Baseline:
        """The baseline from now on: reasons that are there stay."""
        before = self.known
        return replace(
            before,
            written=today.isoformat(),
            known=tuple(known_now(before.known, self.session.board, targets, behind)),
            parameters={**(before.parameters or {}), **cells(self.measured())},
        )

    def _note(self, done: Asked) -> None:
        for exchange in (one for turn in done.turns for one in turn.exchanges):
            self.exchanges[exchange.id] = exchange
            found = seen(exchange) if done.probe.suite == PARAMETERS else None
            if found:
                self._seen[behind(done.target)][done.target.dropping].append(found)


def plan_of(targets: Sequence[Target], probes: Sequence[Probe], *, drops: bool) -> Plan:
    """Every probe that suits a target; those about parameters once more with dropping on."""
    pairs = [(target, probe) for target in targets for probe in probes if probe.suits(target)]
    again = [(replace(t, dropping=True), p) for t, p in pairs if p.suite == PARAMETERS and drops]
    return [*pairs, *again]


def cells(
    measured: Mapping[str, Mapping[bool, Mapping[str, Measured]]],
) -> dict[str, dict[str, str]]:
    """What becomes of each parameter in words: with dropping off, and on where that differs."""
    return {
        name: {
            parameter: _cell(off, by.get(True, {}).get(parameter))
            for parameter, off in by.get(False, {}).items()
        }
        for name, by in measured.items()
    }


def _cell(off: Measured, on: Measured | None) -> str:
    alone, dropping = _words(off), on and _words(on)
    return alone if dropping in (None, alone) else f"{alone} | dropping: {dropping}"


def _words(measured: Measured) -> str:
    return f"{measured.disposition}: {measured.evidence}"
