"""The adapter that a run goes through: what is known of it, and what of that has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest

from conformance.adapter_file import Adapter
from conformance.baseline import Baseline
from conformance.cli.adapting import OWN, behind_it, the_adapter
from conformance.cli.gate import known_of, today
from conformance.cli.measuring import declared_by, table_of
from conformance.gate import Ledger, Plan, plan_of
from conformance.probe import Probe
from conformance.report import parameters
from conformance.runner import Asked
from conformance.targets import Target

NOT_WITH: Final = ("live", "record", "base_url")
"""The options that say to ask providers."""


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

    def measured(
        self, target: Target, asked: Iterable[Asked]
    ) -> tuple[list[str], list[dict[str, Any]]]:
        """What is not as it was at a target that was asked everything; its parameters' lines."""
        ledger = Ledger()
        for done in asked:
            ledger.note(done)
        told = {(target.name, dropping): by for _, dropping, by in ledger.measured()}
        declared = declared_by(self.adapter, [target])
        table = table_of(self.adapter, [target], told, declared)
        return list(ledger.changes(self.known)), [parameters.line(cell) for cell in table.cells]

    def overdue(self) -> Iterator[str]:
        """What of the baseline is past its day, or about nothing that there is."""
        yield from self.known.overdue(today())
        yield from self.known.strangers(self.adapter.targets)
