"""What a run came to, target by target: the numbers behind a matrix, and what is news."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from conformance.model import Level, Outcome, Provenance, Verdict
from conformance.report.summary import HARMLESS, ORDER


@dataclass(slots=True)
class Area:
    """One target's verdicts of one suite, by check. A check that broke a rule once is broken."""

    passed: set[str] = field(default_factory=set)
    broken: dict[str, Verdict] = field(default_factory=dict)
    """Check -> the verdict that weighs most: what isn't known before what is."""

    @property
    def told(self) -> set[str]:
        """The checks that had their say."""
        return self.passed | self.broken.keys()

    def failures(self, level: Level, *, known: bool = False) -> list[Verdict]:
        """What was broken on this level: the news, or what was known."""
        return [
            verdict
            for verdict in self.broken.values()
            if verdict.level is level
            and verdict.outcome not in HARMLESS
            and (verdict.known is not None) is known
        ]

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        if verdict.outcome is Outcome.PASS:
            self.passed.add(verdict.check)
        elif verdict.findings:
            before = self.broken.get(verdict.check)
            if before is None or _weight(verdict) > _weight(before):
                self.broken[verdict.check] = verdict


def _weight(verdict: Verdict) -> tuple[bool, bool]:
    return verdict.outcome not in HARMLESS, verdict.known is None


@dataclass(slots=True)
class Row:
    """One target: its areas by suite, and where its replies come from."""

    areas: dict[str, Area] = field(default_factory=lambda: defaultdict(Area))
    provenance: Provenance | None = None
    """The oldest there is: a row is as old as what it rests on."""
    skipped: dict[str, str] = field(default_factory=dict)
    """The probe that opens an area -> why it was refused."""

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        self.areas[verdict.check.partition(".")[0]].add(verdict)
        made = verdict.provenance
        dated = made and (made.recorded_at or "9")
        if dated and (self.provenance is None or dated < (self.provenance.recorded_at or "9")):
            self.provenance = made

    def failures(self, level: Level, *, known: bool = False) -> list[Verdict]:
        """As in :meth:`Area.failures`, over all areas."""
        found = [v for area in self.areas.values() for v in area.failures(level, known=known)]
        return sorted(found, key=lambda v: v.check)


@dataclass(slots=True)
class Board:
    """Every target of a run by name; feed it each verdict with :meth:`add`."""

    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        self.rows[verdict.target].add(verdict)

    def news(self, lowest: Level) -> Iterator[Verdict]:
        """Failures that nobody knew of, down to this level."""
        for row in self.rows.values():
            for level in ORDER:
                if ORDER[level] <= ORDER[lowest]:
                    yield from row.failures(level)

    def count(self, level: Level, *, known: bool) -> int:
        """How many (target, check) are broken on this level."""
        return sum(len(row.failures(level, known=known)) for row in self.rows.values())
