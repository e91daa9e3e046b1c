"""The adapter that a run goes through: what is known of it, and what of that has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pytest

from conformance.adapter_file import Adapter
from conformance.baseline import Baseline, behind
from conformance.cli.adapting import OWN, behind_it, the_adapter
from conformance.cli.gate import known_of, today
from conformance.dispositions import measured, seen
from conformance.gate import PARAMETERS, Plan, cells, plan_of
from conformance.probe import Probe
from conformance.runner import Asked
from conformance.targets import Target

NOT_WITH: Final = ("live", "record", "base_url")
"""The options that say to ask providers."""
_MODES: Final = (False, True)
"""Dropping off, and on."""


@dataclass(frozen=True, slots=True)
class Through:
    """One adapter, and its baseline."""

    adapter: Adapter
    known: Baseline

    @classmethod
    def of(cls, config: pytest.Config) -> Through | None:
        """What the options say; None where they name no adapter.

        Exits as the command line does. Raises UsageError.
        """
        options, here = config.option, config.invocation_params.dir
        if not options.conformance_adapter:
            return None
        for name in NOT_WITH:
            if getattr(options, f"conformance_{name}"):
                option = f"--conformance-{name.replace('_', '-')}"
                raise pytest.UsageError(f"conformance: an adapter asks nobody: leave out {option}")
        adapter = the_adapter(
            options.conformance_adapter, here / (options.conformance_adapters or OWN)
        )
        given = options.conformance_baseline
        return cls(adapter, known_of(adapter, here / given if given else None))

    def targets(self, patterns: Sequence[str]) -> list[Target]:
        """Those behind it that match, with the failures that are excused; exits if none does."""
        return self.known.expecting(behind_it(self.adapter, patterns), today())

    def plan(self, targets: Sequence[Target], probes: Sequence[Probe]) -> Plan:
        """What is asked of these targets, some of it once more with dropping on."""
        return plan_of(targets, probes, drops=self.adapter.dropping is not None)

    def changes(self, target: Target, asked: Iterable[Asked]) -> list[str]:
        """What becomes of a target's parameters otherwise than it did."""
        if self.known.parameters is None:
            return []
        found = [
            one
            for done in asked
            if done.probe.suite == PARAMETERS
            for turn in done.turns
            for one in map(seen, turn.exchanges)
            if one
        ]
        by_mode = {mode: measured([s for s in found if s.dropping is mode]) for mode in _MODES}
        return list(self.known.changes(cells({behind(target): by_mode})))

    def overdue(self) -> Iterator[str]:
        """What of the baseline is past its day, or about nothing that there is."""
        yield from self.known.overdue(today())
        yield from self.known.strangers(self.adapter.targets)
