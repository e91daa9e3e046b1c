"""Writes down what exchanges came to: verdicts with their evidence, targets, parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from conformance.answers import Answers
from conformance.capability import asked_about
from conformance.model import Exchange, Verdict
from conformance.report import parameters
from conformance.results.evidence import Evidence
from conformance.results.origin import Origins, unknown
from conformance.results.writing import ResultsFile
from conformance.targets import Target


@dataclass(slots=True)
class Account:
    """Feed it every exchange, then the verdicts about it; without a writer it is mute.

    The order matters: the evidence of a verdict is an exchange that was seen before.
    """

    writer: ResultsFile | None
    _answers: Answers = field(default_factory=Answers)
    _evidence: Evidence = field(default_factory=Evidence)
    _origins: Origins = field(default_factory=Origins)

    def saw(self, *exchanges: Exchange) -> None:
        """Take the answers to one request, which are judged next."""
        if self.writer:
            self._evidence.saw(*exchanges)
            self._answers.add(*exchanges)

    def asked(self, target: Target, probe: str, refusal: str | None) -> None:
        """Take what became of a probe's first request."""
        if self.writer:
            self._origins.asked(target, asked_about(probe), refusal)

    def verdict(self, verdict: Verdict) -> None:
        """Write a verdict, and the exchange it is about where that is the first of its kind."""
        if self.writer is None:
            return
        self._origins.add(verdict)
        self.writer.verdict(verdict)
        self.lines(self._evidence.of(verdict))

    def targets(self, targets: Iterable[Target] = ()) -> None:
        """Write who was judged, and what their answers tell of parameters.

        ``targets`` are those of which a file says more. Behind an adapter both ends tell of
        parameters, and whoever watched them writes it.
        """
        known = list(targets)
        self._answers.close()
        self.lines(self._origins.lines(known))
        for target in known:
            cells = self._answers.claimed(target) if target.adapter is None else ()
            self.lines(parameters.line(cell) for cell in cells)

    def unrecorded(self, targets: Iterable[Target]) -> None:
        """Write the targets of which nothing is recorded: they keep their row."""
        self.lines(unknown(target) for target in targets)

    def strangers(self) -> None:
        """The same for targets of which nothing is known but their traffic."""
        self._answers.close()
        self.lines(self._origins.lines())
        self.lines(parameters.line(cell) for cell in self._answers.unclaimed())

    def lines(self, lines: Iterable[dict[str, Any]]) -> None:
        """Write lines of another kind."""
        if self.writer:
            for line in lines:
                self.writer.line(line)
